#include "aws/ini.hpp"

#include "aws/files.hpp"
#include "support/letter_case.hpp"

namespace fanfold::aws {
namespace {

/// `profile   "my name"` as `profile my name`.
std::string section_name(std::string_view text) {
  std::string name;
  bool is_quoted = false;
  for (const char c : trimmed(text)) {
    if (c == '"' || c == '\'') {
      is_quoted = !is_quoted;
    } else if (!is_quoted && trimmed({&c, 1}).empty()) {
      if (!name.ends_with(' ')) name += ' ';
    } else {
      name += c;
    }
  }
  return name;
}

class IniParser {
 public:
  explicit IniParser(const std::string& file) : file_(file) {}

  Result<void> line(std::string_view text) {
    ++line_;
    const std::string_view content = trimmed(text);
    if (content.empty() || content.front() == '#' || content.front() == ';') return {};
    if (text.front() == ' ' || text.front() == '\t') return indented(content);
    if (content.front() == '[') return section(content);
    return property(content);
  }

  IniFile take() { return std::move(sections_); }

 private:
  [[nodiscard]] Error error(std::string_view reason) const {
    return {ErrorCode::bad_input, file_ + ":" + std::to_string(line_) + ": " + std::string(reason), {}};
  }

  Result<void> section(std::string_view content) {
    const std::size_t end = content.find(']');
    if (end == std::string_view::npos) return error("the section's name is not closed with ']'");
    std::string name = section_name(content.substr(1, end - 1));
    if (name.empty()) return error("a section without a name");
    section_ = &sections_[std::move(name)];
    value_ = nullptr;
    return {};
  }

  Result<void> property(std::string_view content) {
    if (section_ == nullptr) return error("a line before the first [section]");
    const std::size_t equals = content.find('=');
    if (equals == std::string_view::npos) return error("expected 'key = value'");
    const std::string key = support::lower_case(trimmed(content.substr(0, equals)));
    if (key.empty()) return error("expected 'key = value'");
    value_ = &(*section_)[key];
    *value_ = IniValue{std::string(trimmed(content.substr(equals + 1))), file_, line_, {}};
    return {};
  }

  Result<void> indented(std::string_view content) {
    if (value_ == nullptr) return error("an indented line that belongs to no key");
    if (!value_->text.empty()) {
      value_->text.append("\n").append(content);
      return {};
    }
    const std::size_t equals = content.find('=');
    if (equals == std::string_view::npos) return error("expected 'key = value'");
    value_->nested.insert_or_assign(support::lower_case(trimmed(content.substr(0, equals))),
                                    std::string(trimmed(content.substr(equals + 1))));
    return {};
  }

  const std::string& file_;
  std::size_t line_ = 0;
  IniFile sections_;
  IniSection* section_ = nullptr;
  IniValue* value_ = nullptr;
};

}  // namespace

Result<IniFile> parse_ini(std::string_view text, const std::string& file) {
  if (text.size() > ini_file_bytes_max) {
    return Error{ErrorCode::bad_input,
                 file + ":1: a configuration file has at most " + std::to_string(ini_file_bytes_max) + " bytes",
                 {}};
  }
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  IniParser parser(file);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (Result<void> read = parser.line(text.substr(0, end)); !read.has_value()) return std::move(read).error();
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parser.take();
}

}  // namespace fanfold::aws
