#pragma once

#include "json/utf8.hpp"

#include <fanfold/types.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace fanfold::cli {

/// "12,410".
[[nodiscard]] std::string with_thousands(std::uint64_t count);

/// "1 task", "12,410 tasks".
[[nodiscard]] std::string counted(std::uint64_t count, std::string_view one, std::string_view many);

/// For people: "0.4 s", "12 s", "3 min 20 s", "2 h 5 min", "4 d 3 h".
[[nodiscard]] std::string spoken(std::chrono::milliseconds duration);

/// "3 min ago"; the future is "in 3 min".
[[nodiscard]] std::string age_text(Time time, Time now);

/// `text` as one word of a shell's command line: in quotes where it needs them.
[[nodiscard]] std::string shell_word(std::string_view text);

/// Columns that a terminal needs for `text`: one per code point, none for combining marks, two for wide characters.
[[nodiscard]] std::size_t column_count(std::string_view text) noexcept;

/// At most `columns` columns of `text`, with "…" where it was cut; control characters become spaces.
[[nodiscard]] std::string clipped(std::string_view text, std::size_t columns);

using detail::as_utf8;  // For places that take only text (JSON made for people's scripts).
using detail::is_utf8;

/// `text` safe to print on a terminal: control characters and invalid bytes as \xNN, except newlines and tabs where
/// `lines`.
enum class Newlines : std::uint8_t { keep, escape };
[[nodiscard]] std::string printable(std::string_view text, Newlines newlines);

}  // namespace fanfold::cli
