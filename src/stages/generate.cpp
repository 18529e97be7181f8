#include "ipscore/stages/generate.hpp"

#include "generate_content.hpp"
#include "generate_observations.hpp"
#include "generate_population.hpp"

#include "ipscore/core/error.hpp"

#include <tbb/info.h>
#include <tbb/parallel_for.h>
#include <tbb/parallel_invoke.h>
#include <tbb/task_arena.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace ipscore::stages {

namespace {

using namespace generating;

/// A file under a temporary name, which is removed unless the file is published.
class NewFile {
public:
    explicit NewFile(const std::filesystem::path& path)
        : path_(path),
          temporary_(path.parent_path() /
                     ("." + path.filename().string() + ".tmp-" + std::to_string(::getpid()))),
          descriptor_(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) {
        if (descriptor_ < 0) throw EnvironmentError(system_message("cannot create", temporary_.string()));
    }
    NewFile(const NewFile&) = delete;
    NewFile& operator=(const NewFile&) = delete;
    ~NewFile() {
        if (descriptor_ >= 0) ::close(descriptor_);
        if (!published_) ::unlink(temporary_.c_str());
    }

    void write(std::string_view text) {
        bytes_ += text.size();
        while (!text.empty()) {
            const ssize_t written = ::write(descriptor_, text.data(), text.size());
            if (written < 0 && errno != EINTR)
                throw EnvironmentError(system_message("cannot write", path_.string()));
            if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
        }
    }

    void close() {
        const int descriptor = std::exchange(descriptor_, -1);
        if (::close(descriptor) != 0) throw EnvironmentError(system_message("cannot write", path_.string()));
    }

    void publish() {
        if (::rename(temporary_.c_str(), path_.c_str()) != 0)
            throw EnvironmentError(system_message("cannot rename a temporary file to", path_.string()));
        published_ = true;
    }

    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

private:
    std::filesystem::path path_;
    std::filesystem::path temporary_;
    int descriptor_;
    std::uint64_t bytes_ = 0;
    bool published_ = false;
};

/// Text on its way to a file, in large pieces.
class TextWriter {
public:
    explicit TextWriter(NewFile& file) : file_(file) {}
    TextWriter& operator<<(std::string_view text) {
        pending_.append(text);
        if (pending_.size() >= piece_bytes) flush();
        return *this;
    }
    void flush() {
        file_.write(pending_);
        pending_.clear();
    }

private:
    static constexpr std::size_t piece_bytes = 1 << 20;
    NewFile& file_;
    std::string pending_;
};

std::string decimal_text(Millionths value) {
    if (value == one_in_millionths) return "1";
    std::string digits = std::to_string(value);
    digits.insert(0, 6 - digits.size(), '0');
    digits.resize(digits.find_last_not_of('0') + 1);
    return "0." + digits;
}

/// Blocks of rows.
struct Blocks {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
};

/// Of the piece that is to be written.
Blocks blocks_of(const GenerateArgs& args) {
    const std::uint64_t blocks = (args.rows + block_rows - 1) / block_rows;
    const std::uint64_t each = blocks / args.pieces;
    const std::uint64_t longer = blocks % args.pieces; // so many have one more
    const auto begin_of = [&](std::uint64_t piece) { return piece * each + std::min(piece, longer); };
    return {begin_of(args.piece - 1), begin_of(args.piece)};
}

void write_observations(NewFile& file, const GenerateArgs& args, const RowMaker& maker) {
    // More threads than cores would not help, and oneTBB warns about them.
    const int cores = tbb::info::default_concurrency();
    const int threads = args.threads > 0 ? std::min(args.threads, cores) : cores;
    const Blocks blocks = blocks_of(args);
    const std::uint64_t batch_blocks =
        std::min(blocks.end - blocks.begin, 8 * static_cast<std::uint64_t>(threads));

    struct Batch {
        std::vector<std::unique_ptr<char[]>> buffers;
        std::vector<std::string_view> texts; ///< of the blocks made, in order
    };
    std::array<Batch, 2> batches;
    for (Batch& batch : batches)
        for (std::uint64_t i = 0; i < batch_blocks; ++i)
            batch.buffers.emplace_back(new char[block_rows * row_bytes_max]);

    const auto make = [&](Batch& batch, std::uint64_t first_block) {
        batch.texts.assign(std::min(batch_blocks, blocks.end - first_block), {});
        tbb::parallel_for(std::size_t{0}, batch.texts.size(), [&](std::size_t i) {
            char* const text = batch.buffers[i].get();
            const char* const end = maker.make_block(first_block + i, text);
            batch.texts[i] = {text, static_cast<std::size_t>(end - text)};
        });
    };
    const auto write = [&](const Batch& batch) {
        for (const std::string_view text : batch.texts) file.write(text);
    };

    // While one batch is made, the one before is written.
    tbb::task_arena(threads).execute([&] {
        file.write("ip,day,key,hits\n");
        std::size_t current = 0;
        for (std::uint64_t block = blocks.begin; block < blocks.end; block += batch_blocks, current ^= 1)
            tbb::parallel_invoke([&] { make(batches[current], block); },
                                 [&] { write(batches[current ^ 1]); });
        write(batches[current ^ 1]);
    });
}

void write_classification(NewFile& file, const Content& content) {
    TextWriter out(file);
    out << "key,tag,weight\n";
    for (const Classified& line : content.classification)
        out << content.keys[line.key] << "," << csv_field(tag_name(line.tag)) << ","
            << decimal_text(line.weight) << "\n";
    out.flush();
}

void write_companies(NewFile& file, const Population& population) {
    TextWriter out(file);
    out << "network,company,confidence,type\n";
    for (const CompanyNetwork& line : population.networks)
        out << ipscore::to_string(line.network) << "," << csv_field(company_name(line.type, line.company))
            << "," << decimal_text(line.confidence) << "," << generating::to_string(line.type) << "\n";
    out.flush();
}

void write_model(NewFile& file, const GenerateArgs& args) {
    const std::uint32_t lookback_days = std::min(args.days, 128U);
    const std::uint32_t recent_days = std::min(7U, lookback_days - 1);
    const std::uint32_t short_lookback_days = std::max(recent_days + 1, std::min(30U, lookback_days));
    TextWriter out(file);
    const auto line = [&](std::string text, std::string_view comment) {
        constexpr std::size_t comment_column = 40;
        text.resize(std::max(text.size() + 1, comment_column), ' ');
        out << text << "# " << comment << "\n";
    };
    const auto tag_heading = [&](std::uint32_t tag, std::string_view comment) {
        out << "\n";
        line("[tags.\"" + tag_name(tag) + "\"]", comment);
    };
    out << "# How scores are computed. Made by `ipscore generate`.\n\n";
    line("as_of = " + date_text(args.as_of), "the last day that counts (UTC)");
    line("lookback_days = " + std::to_string(lookback_days), "how many days count, as_of included");
    line("half_life_days = 30.0", "a visit this old counts half; without this line, age does not matter");
    line("recent_days = " + std::to_string(recent_days), "the days that surge compares with those before");
    line("half_saturation = 50.0", "the weighted hits that score 50 of 100");
    line("company_half_saturation = 500.0", "the same for a whole company");
    line("min_score = 0.0", "rows below this are not written");
    line("exclude_types = [\"hosting\", \"vpn\"]",
         "addresses in such networks are not scored: few people sit there");
    out << "\n";
    line("[confident]", "what the flag `confident` asks for, all of it");
    line("min_score = 60.0", "the score");
    line("min_keys = 2", "distinct contents");
    line("min_days = 2", "distinct days");
    tag_heading(0, "seen everywhere, so it takes more to stand out");
    line("half_saturation = 80.0", "instead of the model's");
    if (args.tags > 1) {
        tag_heading(1, "an interest that passes quickly, and few visits say much");
        line("lookback_days = " + std::to_string(short_lookback_days), "not above the model's");
        line("half_life_days = 7.0", "a week");
        line("half_saturation = 20.0", "instead of the model's");
    }
    if (args.tags > 4) {
        tag_heading(4, "planned for long");
        line("half_life_days = 60.0", "two months");
    }
    out.flush();
}

/// The arguments with the numbers filled in that are left to us.
GenerateArgs completed(GenerateArgs args) {
    if (args.addresses == 0) args.addresses = std::max<std::uint64_t>(1, args.rows / 14);
    if (args.keys == 0) args.keys = std::clamp<std::uint64_t>(args.rows / 42, 100, 1'000'000);
    const auto within = [](const char* name, std::uint64_t value, std::uint64_t lowest,
                           std::uint64_t highest) {
        if (value < lowest || value > highest)
            throw InputError(std::string(name) + " must be " + std::to_string(lowest) + " to " +
                             std::to_string(highest) + ", not " + std::to_string(value));
    };
    within("addresses", args.addresses, 1, addresses_max);
    within("keys", args.keys, 1, keys_max);
    within("tags", args.tags, 1, tags_max);
    within("days", args.days, 2, 3650);
    within("piece", args.piece, 1, args.pieces);
    if (!(args.gateway_share >= 0 && args.gateway_share <= 1))
        throw InputError("the gateway's share must be 0 to 1, not " + std::to_string(args.gateway_share));
    // A day to spare at both ends, for dates in local time.
    if (args.as_of - static_cast<Day>(args.days) < first_valid_day || args.as_of >= last_valid_day)
        throw InputError(std::to_string(args.days) + " days that end with as_of must lie between " +
                         date_text(first_valid_day) + " and " + date_text(last_valid_day));
    return args;
}

} // namespace

GenerateReport generate(const GenerateArgs& args) {
    const auto start = std::chrono::steady_clock::now();
    const GenerateArgs complete = completed(args);
    std::error_code failure;
    std::filesystem::create_directories(complete.output, failure);
    if (failure)
        throw EnvironmentError(system_message("cannot create", complete.output.string(), failure.value()));

    const Population population =
        make_population(complete.seed, complete.addresses, complete.gateway_share > 0);
    const Content content = make_content(complete.seed, complete.keys, complete.tags);
    NewFile classification(complete.output / "classification.csv");
    NewFile companies(complete.output / "companies.csv");
    NewFile model(complete.output / "model.toml");
    NewFile observations(complete.output / "observations.csv");
    write_classification(classification, content);
    write_companies(companies, population);
    write_model(model, complete);
    write_observations(observations, complete, RowMaker(complete, population, content));

    // All are written before the first gets its name, so that a failure to write leaves nothing.
    const std::array<NewFile*, 4> files{&classification, &companies, &model, &observations};
    for (NewFile* file : files) file->close();
    for (NewFile* file : files) file->publish();

    GenerateReport report;
    const Blocks blocks = blocks_of(complete);
    report.rows =
        std::min(complete.rows, blocks.end * block_rows) - std::min(complete.rows, blocks.begin * block_rows);
    report.observations_bytes = observations.bytes();
    report.classification_rows = content.classification.size();
    report.networks = population.networks.size();
    report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return report;
}

} // namespace ipscore::stages
