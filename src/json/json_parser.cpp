// The strict reader: Boost.JSON's event parser checks the grammar and UTF-8, the builder here keeps the events as
// nodes and refuses duplicate keys.
#include "json/utf8.hpp"

#include <fanfold/detail/json_reader.hpp>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "json/boost_json.hpp"

#include <boost/json/basic_parser_impl.hpp>

namespace fanfold::detail {
namespace {

using boost::json::error_code;
using BoostString = boost::json::string_view;

/// A key of an object that is still open. The signature makes two different keys unequal at a glance.
struct OpenKey {
  std::uint32_t signature;
  std::uint32_t text_end;  ///< Offset in the text behind the key.
  bool is_unescaped;
  JsonRange characters;
};

struct OpenContainer {
  std::uint32_t node;
  std::uint32_t first_key;
};

/// Where nodes go when nobody will look at them.
struct NoNodes {
  void push_back(const JsonNode&) noexcept {}
  [[nodiscard]] std::size_t size() const noexcept { return 0; }
};

/// Turns parser events into nodes. The parser tells no positions of brackets and words, so a cursor follows it.
template <class NodeBuffer>
class Builder {
 public:
  Builder(std::string_view text, NodeBuffer& nodes, std::string& unescaped)
      : text_(text), nodes_(nodes), unescaped_(unescaped) {}

  [[nodiscard]] bool has_duplicate() const noexcept { return duplicate_end_ != 0; }
  /// Offset behind the second of two equal keys.
  [[nodiscard]] std::uint32_t duplicate_end() const noexcept { return duplicate_end_; }

  void open(JsonKind kind) {
    const std::uint32_t begin = token_begin();
    cursor_ = begin + 1;
    open_.push_back({node_count(), static_cast<std::uint32_t>(keys_.size())});
    nodes_.push_back({kind, JsonForm::plain, 0, begin, 0, {}});
  }

  bool close(std::size_t element_count) {
    cursor_ = token_begin() + 1;
    const OpenContainer container = open_.back();
    open_.truncate(open_.size() - 1);
    if (!keys_are_distinct(container.first_key)) return false;
    keys_.truncate(container.first_key);
    if constexpr (!std::is_same_v<NodeBuffer, NoNodes>) {
      JsonNode& node = nodes_[container.node];
      node.next = node_count();
      node.end = cursor_;
      node.element_count = static_cast<std::uint32_t>(element_count);
    }
    return true;
  }

  void string_part(BoostString part) { unescaped_.append(part.data(), part.size()); }

  void string(BoostString last_part, std::size_t size) {
    const JsonNode node = string_node(last_part, size);
    nodes_.push_back(node);
    if constexpr (std::is_same_v<NodeBuffer, NoNodes>) {
      if (node.form == JsonForm::unescaped) unescaped_.resize(node.string.offset);
    }
  }

  void key(BoostString last_part, std::size_t size) {
    const JsonNode node = string_node(last_part, size);
    nodes_.push_back(node);
    const bool is_unescaped = node.form == JsonForm::unescaped;
    keys_.push_back({signature(characters(is_unescaped, node.string)), node.end, is_unescaped, node.string});
  }

  void integer(std::int64_t value, BoostString digits) {
    JsonNode node = number_node(JsonKind::integer, JsonForm::plain, digits);
    node.int64 = value;
    nodes_.push_back(node);
  }
  void large_integer(std::uint64_t value, BoostString digits) {
    JsonNode node = number_node(JsonKind::integer, JsonForm::beyond_int64, digits);
    node.uint64 = value;
    nodes_.push_back(node);
  }
  /// The parser's own double is ignored: it is not always the nearest one. Readers convert the text when they want it.
  void number(BoostString digits) {
    const bool is_integer = digits.find_first_of(".eE") == BoostString::npos;
    nodes_.push_back(is_integer ? number_node(JsonKind::integer, JsonForm::beyond_64, digits)
                                : number_node(JsonKind::number, JsonForm::plain, digits));
  }

  void boolean(bool value) {
    JsonNode node = word_node(JsonKind::boolean, value ? 4 : 5);
    node.boolean = value;
    nodes_.push_back(node);
  }
  void null() { nodes_.push_back(word_node(JsonKind::null, 4)); }

 private:
  [[nodiscard]] std::uint32_t node_count() const noexcept { return static_cast<std::uint32_t>(nodes_.size()); }

  [[nodiscard]] std::uint32_t token_begin() const noexcept {
    std::uint32_t at = cursor_;
    while (text_[at] == ',' || text_[at] == ':' || text_[at] == ' ' || text_[at] == '\n' || text_[at] == '\t' ||
           text_[at] == '\r') {
      ++at;
    }
    return at;
  }

  JsonNode word_node(JsonKind kind, std::uint32_t size) {
    const std::uint32_t begin = token_begin();
    cursor_ = begin + size;
    return {kind, JsonForm::plain, node_count() + 1, begin, cursor_, {}};
  }

  JsonNode number_node(JsonKind kind, JsonForm form, BoostString digits) {
    const auto begin = static_cast<std::uint32_t>(digits.data() - text_.data());
    cursor_ = begin + static_cast<std::uint32_t>(digits.size());
    return {kind, form, node_count() + 1, begin, cursor_, {}};
  }

  /// A string without escapes comes as one piece of the text, all others end with a piece of the parser's own memory.
  JsonNode string_node(BoostString last_part, std::size_t size) {
    const auto size32 = static_cast<std::uint32_t>(size);
    JsonNode node{JsonKind::string, JsonForm::plain, node_count() + 1, 0, 0, {}};
    const auto offset =
        reinterpret_cast<std::uintptr_t>(last_part.data()) - reinterpret_cast<std::uintptr_t>(text_.data());
    if (offset < text_.size()) {
      node.string = {static_cast<std::uint32_t>(offset), size32};
      node.begin = node.string.offset - 1;
      node.end = node.string.offset + size32 + 1;
    } else {
      unescaped_.append(last_part.data(), last_part.size());
      node.form = JsonForm::unescaped;
      node.string = {static_cast<std::uint32_t>(unescaped_.size()) - size32, size32};
      node.begin = token_begin();
      node.end = string_end(node.begin);
    }
    cursor_ = node.end;
    return node;
  }

  [[nodiscard]] std::uint32_t string_end(std::uint32_t begin) const noexcept {
    std::uint32_t at = begin + 1;
    while (text_[at] != '"') at += text_[at] == '\\' ? 2 : 1;
    return at + 1;
  }

  [[nodiscard]] std::string_view characters(bool is_unescaped, JsonRange range) const noexcept {
    const char* from = is_unescaped ? unescaped_.data() : text_.data();
    return {from + range.offset, range.size};
  }
  [[nodiscard]] std::string_view characters(const OpenKey& key) const noexcept {
    return characters(key.is_unescaped, key.characters);
  }

  [[nodiscard]] static std::uint32_t signature(std::string_view key) noexcept {
    if (key.empty()) return 0;
    const auto byte = [&](std::size_t index) {
      return static_cast<std::uint32_t>(static_cast<unsigned char>(key[index]));
    };
    return static_cast<std::uint32_t>(key.size() & 0xFF) << 24 | byte(0) << 16 | byte(key.size() / 2) << 8 |
           byte(key.size() - 1);
  }

  bool keys_are_distinct(std::size_t first) {
    const std::size_t count = keys_.size() - first;
    OpenKey* keys = keys_.data() + first;
    if (count <= pairwise_max) {
      for (std::size_t later = 1; later < count; ++later) {
        for (std::size_t earlier = 0; earlier < later; ++earlier) {
          if (keys[earlier].signature == keys[later].signature &&
              characters(keys[earlier]) == characters(keys[later])) {
            duplicate_end_ = keys[later].text_end;
            return false;
          }
        }
      }
      return true;
    }
    return sorted_keys_are_distinct(keys, keys + count);
  }

  bool sorted_keys_are_distinct(OpenKey* begin, OpenKey* end) {
    const auto order = [&](const OpenKey& left, const OpenKey& right) {
      if (left.signature != right.signature) return left.signature < right.signature;
      if (const int compared = characters(left).compare(characters(right)); compared != 0) return compared < 0;
      return left.text_end < right.text_end;
    };
    std::sort(begin, end, order);
    for (const OpenKey* key = begin + 1; key < end; ++key) {
      if (key[-1].signature != key->signature || characters(key[-1]) != characters(*key)) continue;
      if (!has_duplicate() || key->text_end < duplicate_end_) duplicate_end_ = key->text_end;
    }
    return !has_duplicate();
  }

  static constexpr std::size_t pairwise_max = 16;  ///< From here on sorting is faster than comparing all pairs.

  std::string_view text_;
  NodeBuffer& nodes_;
  std::string& unescaped_;
  std::uint32_t cursor_ = 0;
  std::uint32_t duplicate_end_ = 0;
  SmallBuffer<OpenContainer, 16> open_;
  SmallBuffer<OpenKey, 32> keys_;
};

/// The interface that the parser wants; everything is handed to the builder.
template <class NodeBuffer>
struct Handler {
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);

  explicit Handler(Builder<NodeBuffer>& to) : builder(to) {}

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_array_begin(error_code&) { return builder.open(JsonKind::array), true; }
  bool on_array_end(std::size_t count, error_code& error) { return accept(builder.close(count), error); }
  bool on_object_begin(error_code&) { return builder.open(JsonKind::object), true; }
  bool on_object_end(std::size_t count, error_code& error) { return accept(builder.close(count), error); }
  bool on_string_part(BoostString part, std::size_t, error_code&) { return builder.string_part(part), true; }
  bool on_string(BoostString part, std::size_t size, error_code&) { return builder.string(part, size), true; }
  bool on_key_part(BoostString part, std::size_t, error_code&) { return builder.string_part(part), true; }
  bool on_key(BoostString part, std::size_t size, error_code&) { return builder.key(part, size), true; }
  bool on_number_part(BoostString, error_code&) { return true; }
  bool on_int64(std::int64_t value, BoostString digits, error_code&) { return builder.integer(value, digits), true; }
  bool on_uint64(std::uint64_t value, BoostString digits, error_code&) {
    return builder.large_integer(value, digits), true;
  }
  bool on_double(double, BoostString digits, error_code&) { return builder.number(digits), true; }
  bool on_bool(bool value, error_code&) { return builder.boolean(value), true; }
  bool on_null(error_code&) { return builder.null(), true; }
  bool on_comment_part(BoostString, error_code&) { return true; }
  bool on_comment(BoostString, error_code&) { return true; }

  static bool accept(bool is_accepted, error_code& error) {
    if (!is_accepted) error = boost::json::error::exception;
    return is_accepted;
  }

  Builder<NodeBuffer>& builder;
};

std::string_view reason_at(std::string_view text, std::size_t offset, const error_code& error) {
  if (error == boost::json::error::incomplete || offset >= text.size()) return "the text ends too early";
  if (error == boost::json::error::exponent_overflow) return "the exponent is too large";
  if (error == boost::json::error::illegal_leading_surrogate ||
      error == boost::json::error::illegal_trailing_surrogate || error == boost::json::error::expected_utf16_escape) {
    return "half of a surrogate pair";
  }
  if (static_cast<unsigned char>(text[offset]) < 0x20) return "unexpected control character";
  if (utf8_sequence_size(text.substr(offset)) == 0) return "not valid UTF-8";
  return "unexpected character";
}

Error syntax_error(std::size_t offset, std::string_view reason) {
  return {ErrorCode::bad_input, "byte " + std::to_string(offset) + ": " + std::string(reason), {}};
}

Error error_behind(std::string_view prefix, std::string_view reason) {
  std::string message = json_pointer_behind(prefix);
  if (message.empty()) message = "/";
  message += ": ";
  message += reason;
  return {ErrorCode::bad_input, std::move(message), {}};
}

template <class NodeBuffer>
Result<void> read_into(std::string_view text, const JsonLimits& limits, NodeBuffer& nodes, std::string& unescaped) {
  if (text.size() > limits.size_bytes) {
    return Error{ErrorCode::too_large, "a JSON text has at most " + std::to_string(limits.size_bytes) + " bytes", {}};
  }
  boost::json::parse_options options;
  options.max_depth = limits.depth;
  Builder<NodeBuffer> builder{text, nodes, unescaped};
  boost::json::basic_parser<Handler<NodeBuffer>> parser{options, builder};
  error_code error;
  const std::size_t offset = parser.write_some(false, text.data(), text.size(), error);
  if (!error) {
    if (offset != text.size()) return syntax_error(offset, "text behind the value");
    return {};
  }
  if (builder.has_duplicate()) return error_behind(text.substr(0, builder.duplicate_end()), "duplicate key");
  if (error == boost::json::error::too_deep) {
    return error_behind(text.substr(0, offset), "deeper than " + std::to_string(limits.depth) + " levels");
  }
  return syntax_error(offset, reason_at(text, offset, error));
}

[[nodiscard]] std::string_view trimmed(std::string_view text) noexcept {
  constexpr std::string_view white_space = " \t\n\r";
  const std::size_t begin = text.find_first_not_of(white_space);
  return text.substr(begin, text.find_last_not_of(white_space) - begin + 1);
}

}  // namespace

Result<void> JsonDocument::read(std::string_view text, JsonLimits limits) {
  text_ = text;
  return read_into(text, limits, nodes_, unescaped_);
}

}  // namespace fanfold::detail

namespace fanfold {

Result<Json> Json::parse(std::string_view text) {
  detail::NoNodes no_nodes;
  std::string unescaped;
  if (Result<void> read = detail::read_into(text, {}, no_nodes, unescaped); !read.has_value()) {
    return std::move(read).error();
  }
  return Json(std::string(detail::trimmed(text)));
}

}  // namespace fanfold
