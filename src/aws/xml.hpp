#pragma once

#include <fanfold/result.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fanfold::aws {

/// One element of an XML text in document order. Attributes are read over, since no answer that we need has any
/// that matter; namespace prefixes are cut off.
struct XmlElement {
  std::string name{};
  std::string text{};     ///< Its own characters, entities resolved.
  std::size_t depth = 0;  ///< 0: the root.
};

inline constexpr std::size_t xml_depth_max = 16;
inline constexpr std::size_t xml_bytes_max = std::size_t{8} << 20U;

/// The XML that S3 and STS answer with. Strict where it matters: cut off, wrongly nested or unknown entities are
/// errors; a document type is refused. Errors: bad_input with the offset of the byte.
class XmlDocument {
 public:
  [[nodiscard]] static Result<XmlDocument> parse(std::string_view text);

  [[nodiscard]] const std::vector<XmlElement>& elements() const noexcept { return elements_; }
  [[nodiscard]] const std::string& root_name() const noexcept { return elements_.front().name; }
  /// The text of the first element of that name, at any depth.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const noexcept;

 private:
  std::vector<XmlElement> elements_;
};

/// `text` with &, <, > and quotes as entities.
[[nodiscard]] std::string xml_escaped(std::string_view text);

}  // namespace fanfold::aws
