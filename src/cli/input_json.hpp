#pragma once

#include <fanfold/codec.hpp>

#include <string>

namespace fanfold::cli {

/// The JSON that an argument gives: itself, or with "@FILE" the file's, with "@-" standard input's.
/// Errors: bad_input as "--meta: why" with the place, those of reading the file.
[[nodiscard]] Result<Json> json_argument(const std::string& name, const std::string& argument);

/// A whole small file, or standard input for "-"; at most 64 MB. Errors: not_found, permission_denied, too_large.
[[nodiscard]] Result<std::string> read_whole(const std::string& file);

}  // namespace fanfold::cli
