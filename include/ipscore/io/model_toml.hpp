// The model file (TOML), and its one-line JSON form for job.json and indexes.
#pragma once

#include "ipscore/scoring/model.hpp"

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>

namespace ipscore::io {

/// Reads and checks a model. `as_of` overrides the file's own. Throws InputError that names file, line,
/// column and value of what SPEC "Model" does not allow: an unknown name, a wrong type, a value out of range.
[[nodiscard]] scoring::Model read_model(const std::filesystem::path& path, std::optional<Day> as_of);

/// All values, defaults filled in, in a fixed order: models are equal when these texts are.
[[nodiscard]] nlohmann::ordered_json model_json(const scoring::Model& model);
/// The inverse of model_json; throws nlohmann::json::exception when `json` is something else.
[[nodiscard]] scoring::Model model_of_json(const nlohmann::ordered_json& json);

} // namespace ipscore::io
