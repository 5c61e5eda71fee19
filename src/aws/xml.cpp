#include "aws/xml.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace fanfold::aws {
namespace {

constexpr std::string_view white_space = " \t\r\n";

std::string_view without_prefix(std::string_view name) {
  const std::size_t colon = name.find(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

void append_utf8(std::string& out, std::uint32_t code) {
  const auto byte = [&](std::uint32_t value) { out += static_cast<char>(value); };
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xC0U | code >> 6U);
    byte(0x80U | (code & 0x3FU));
  } else if (code < 0x10000) {
    byte(0xE0U | code >> 12U);
    byte(0x80U | (code >> 6U & 0x3FU));
    byte(0x80U | (code & 0x3FU));
  } else {
    byte(0xF0U | code >> 18U);
    byte(0x80U | (code >> 12U & 0x3FU));
    byte(0x80U | (code >> 6U & 0x3FU));
    byte(0x80U | (code & 0x3FU));
  }
}

/// False for what is no entity of XML itself.
bool append_entity(std::string& out, std::string_view name) {
  if (name == "amp") return out += '&', true;
  if (name == "lt") return out += '<', true;
  if (name == "gt") return out += '>', true;
  if (name == "quot") return out += '"', true;
  if (name == "apos") return out += '\'', true;
  if (!name.starts_with('#')) return false;
  const bool is_hexadecimal = name.size() > 1 && name[1] == 'x';
  const std::string_view digits = name.substr(is_hexadecimal ? 2 : 1);
  std::uint32_t code = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), code, is_hexadecimal ? 16 : 10);
  const bool is_character = code != 0 && code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
  if (error != std::errc() || end != digits.data() + digits.size() || !is_character) return false;
  append_utf8(out, code);
  return true;
}

class XmlParser {
 public:
  XmlParser(std::string_view text, std::vector<XmlElement>& elements) : text_(text), elements_(elements) {}

  Result<void> run() {
    while (at_ < text_.size()) {
      Result<void> step = text_[at_] == '<' ? markup() : characters();
      if (!step.has_value()) return step;
    }
    if (elements_.empty()) return error("there is no element");
    if (!open_.empty()) return error("the text ends inside of an element");
    return {};
  }

 private:
  [[nodiscard]] Error error(std::string_view reason) const {
    return {ErrorCode::bad_input, "XML, byte " + std::to_string(at_) + ": " + std::string(reason), {}};
  }

  Result<void> markup() {
    const std::string_view rest = text_.substr(at_);
    if (rest.starts_with("<?")) return skip_behind("?>");
    if (rest.starts_with("<!--")) return skip_behind("-->");
    if (rest.starts_with("<![CDATA[")) return character_data();
    if (rest.starts_with("<!")) return error("document types are not read");
    const std::size_t end = tag_end();
    if (end == std::string_view::npos) return error("the text ends inside of a tag");
    const std::string_view tag = text_.substr(at_ + 1, end - at_ - 1);
    Result<void> read = tag.starts_with('/') ? close(tag.substr(1)) : open(tag);
    at_ = end + 1;
    return read;
  }

  /// The '>' that ends the tag, not one in a quoted attribute.
  [[nodiscard]] std::size_t tag_end() const {
    char quote = '\0';
    for (std::size_t i = at_; i < text_.size(); ++i) {
      const char c = text_[i];
      if (quote != '\0') {
        if (c == quote) quote = '\0';
      } else if (c == '"' || c == '\'') {
        quote = c;
      } else if (c == '>') {
        return i;
      }
    }
    return std::string_view::npos;
  }

  Result<void> open(std::string_view tag) {
    const bool is_closed = tag.ends_with('/');
    if (is_closed) tag.remove_suffix(1);
    const std::string_view name = tag.substr(0, tag.find_first_of(white_space));
    if (name.empty() || name.find_first_of("<&\"'=") != std::string_view::npos) return error("a tag without a name");
    if (open_.empty() && !elements_.empty()) return error("a second root");
    if (open_.size() >= xml_depth_max) return error("deeper than " + std::to_string(xml_depth_max) + " levels");
    elements_.push_back({std::string(without_prefix(name)), {}, open_.size()});
    if (!is_closed) open_.push_back({elements_.size() - 1, name});
    return {};
  }

  Result<void> close(std::string_view tag) {
    const std::string_view name = tag.substr(0, tag.find_first_of(white_space));
    if (open_.empty() || open_.back().tag_name != name) return error("an end tag that ends nothing");
    open_.pop_back();
    return {};
  }

  Result<void> skip_behind(std::string_view ending) {
    const std::size_t end = text_.find(ending, at_);
    if (end == std::string_view::npos) return error("the text ends too early");
    at_ = end + ending.size();
    return {};
  }

  Result<void> character_data() {
    constexpr std::string_view beginning = "<![CDATA[";
    constexpr std::string_view ending = "]]>";
    const std::size_t end = text_.find(ending, at_);
    if (open_.empty() || end == std::string_view::npos) return error("the text ends too early");
    elements_[open_.back().element].text.append(text_.substr(at_ + beginning.size(), end - at_ - beginning.size()));
    at_ = end + ending.size();
    return {};
  }

  Result<void> characters() {
    const std::size_t end = std::min(text_.find('<', at_), text_.size());
    std::string_view run = text_.substr(at_, end - at_);
    if (open_.empty()) {
      constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
      if (at_ == 0 && run.starts_with(byte_order_mark)) run.remove_prefix(byte_order_mark.size());
      if (run.find_first_not_of(white_space) != std::string_view::npos) return error("characters outside of the root");
      at_ = end;
      return {};
    }
    std::string& text = elements_[open_.back().element].text;
    while (!run.empty()) {
      const std::size_t entity = std::min(run.find('&'), run.size());
      text.append(run.substr(0, entity));
      run.remove_prefix(entity);
      if (run.empty()) break;
      const std::size_t semicolon = run.find(';');
      if (semicolon == std::string_view::npos || !append_entity(text, run.substr(1, semicolon - 1))) {
        return error("an '&' that begins no entity of XML");
      }
      run.remove_prefix(semicolon + 1);
    }
    at_ = end;
    return {};
  }

  struct Open {
    std::size_t element;
    std::string_view tag_name;
  };

  std::string_view text_;
  std::vector<XmlElement>& elements_;
  std::size_t at_ = 0;
  std::vector<Open> open_;
};

}  // namespace

Result<XmlDocument> XmlDocument::parse(std::string_view text) {
  if (text.size() > xml_bytes_max)
    return Error{ErrorCode::bad_input, "XML: longer than " + std::to_string(xml_bytes_max) + " bytes", {}};
  XmlDocument document;
  if (Result<void> read = XmlParser(text, document.elements_).run(); !read.has_value()) return std::move(read).error();
  return document;
}

std::optional<std::string_view> XmlDocument::find(std::string_view name) const noexcept {
  const auto found =
      std::find_if(elements_.begin(), elements_.end(), [&](const XmlElement& element) { return element.name == name; });
  if (found == elements_.end()) return std::nullopt;
  return found->text;
}

std::string xml_escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&': escaped += "&amp;"; break;
      case '<': escaped += "&lt;"; break;
      case '>': escaped += "&gt;"; break;
      case '"': escaped += "&quot;"; break;
      case '\'': escaped += "&apos;"; break;
      default: escaped += c;
    }
  }
  return escaped;
}

}  // namespace fanfold::aws
