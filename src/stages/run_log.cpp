#include "ipscore/stages/run_log.hpp"

#include "ipscore/core/control.hpp"
#include "ipscore/core/host.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/null_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <unistd.h>
#include <utility>

namespace ipscore::stages {

namespace {

/// A value of logfmt: in quotes where it needs them.
std::string logfmt_value(const std::string& value) {
    if (!value.empty() && value.find_first_of(" \"=\\") == std::string::npos) return value;
    std::string quoted = "\"";
    for (const char c : value) {
        if (c == '"' || c == '\\') quoted += '\\';
        quoted += c;
    }
    return quoted + '"';
}

std::string json_value(const std::string& value) {
    return nlohmann::json(value).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// For text that is to stand for itself in a pattern.
std::string pattern_text(const std::string& text) {
    std::string escaped;
    for (const char c : text) escaped += c == '%' ? std::string("%%") : std::string(1, c);
    return escaped;
}

std::shared_ptr<spdlog::logger> make_logger(bool silent) {
    spdlog::sink_ptr sink;
    if (silent) {
        sink = std::make_shared<spdlog::sinks::null_sink_mt>();
    } else {
        sink = std::make_shared<spdlog::sinks::stderr_sink_mt>(); // writes a line at once
    }
    return std::make_shared<spdlog::logger>("ipscore", std::move(sink));
}

} // namespace

RunLog::RunLog(std::string verb, LogFormat format)
    : verb_(std::move(verb)),
      format_(format),
      host_(host_name()),
      logger_(make_logger(format == LogFormat::none)) {
    apply_pattern();
}

void RunLog::apply_pattern() {
    std::string pattern = "%v";
    if (format_ == LogFormat::logfmt) {
        pattern = "time=%Y-%m-%dT%H:%M:%S.%eZ level=%l " +
                  pattern_text(fmt::format("verb={} rank={} host={} phase={} ", verb_, rank_,
                                           logfmt_value(host_), logfmt_value(phase_))) +
                  "msg=%v";
    } else if (format_ == LogFormat::json) {
        pattern = R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",)" +
                  pattern_text(fmt::format(R"("verb":{},"rank":{},"host":{},"phase":{},)", json_value(verb_),
                                           rank_, json_value(host_), json_value(phase_))) +
                  R"("msg":%v})";
    }
    logger_->set_pattern(std::move(pattern), spdlog::pattern_time_type::utc);
}

void RunLog::set_rank(int rank) {
    const std::lock_guard lock(mutex_);
    rank_ = rank;
    apply_pattern();
}

void RunLog::set_phase(std::string phase) {
    const std::lock_guard lock(mutex_);
    phase_ = std::move(phase);
    apply_pattern();
}

void RunLog::info(std::string_view message) { write(spdlog::level::info, message, 0); }

void RunLog::warning(std::string_view message, std::uint64_t count) {
    write(spdlog::level::warn, message, count);
}

void RunLog::error(std::string_view message) { write(spdlog::level::err, message, 0); }

bool RunLog::on_terminal() const { return format_ == LogFormat::text && ::isatty(STDERR_FILENO) == 1; }

void RunLog::write(spdlog::level::level_enum level, std::string_view message, std::uint64_t count) {
    const std::lock_guard lock(mutex_);
    std::string text(message);
    std::ranges::replace_if(text, is_control, ' '); // on one line, whoever wrote the text
    switch (format_) {
    case LogFormat::none:
        return;
    case LogFormat::text:
        if (level == spdlog::level::info) break;
        text = fmt::format("ipscore {}: {}{}{}{}", verb_, rank_ == 0 ? "" : fmt::format("rank {}: ", rank_),
                           level == spdlog::level::warn ? "warning: " : "", text,
                           count > 1 ? fmt::format(" ({} times)", count) : "");
        break;
    case LogFormat::logfmt:
        text = logfmt_value(text);
        if (count > 0) text += fmt::format(" count={}", count);
        break;
    case LogFormat::json:
        text = json_value(text);
        if (count > 0) text += fmt::format(R"(,"count":{})", count);
        break;
    }
    logger_->log(level, spdlog::string_view_t(text.data(), text.size()));
}

} // namespace ipscore::stages
