#pragma once

#include <fanfold/cluster_header.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace fanfold::sqlite {

/// A cluster's header as bytes. `version` is not among them: it is a column.
[[nodiscard]] std::string encode_header(const ClusterHeader& header);
/// Empty where the bytes are not what encode_header writes.
[[nodiscard]] std::optional<ClusterHeader> decode_header(std::string_view bytes);
/// Whether they may be what a later fanfold's encode_header writes.
[[nodiscard]] bool is_of_newer_format(std::string_view header_bytes);

/// What the messages of one round of tasks have in common: all of the envelope but body, position and index.
[[nodiscard]] std::string encode_common(const Envelope& common);
[[nodiscard]] std::optional<Envelope> decode_common(std::string_view bytes);

/// The ids of the last writes of globals.
[[nodiscard]] std::string encode_texts(const std::vector<std::string>& texts);
[[nodiscard]] std::vector<std::string> decode_texts(std::string_view bytes);

}  // namespace fanfold::sqlite
