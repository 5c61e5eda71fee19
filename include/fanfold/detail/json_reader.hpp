#pragma once

#include <fanfold/codec.hpp>

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

/// Reading of JSON for codecs and message formats of our own; no Boost shows.
namespace fanfold::detail {

enum class JsonKind : std::uint8_t { null, boolean, integer, number, string, array, object };

/// "integer", "object", …: the word that error messages use.
[[nodiscard]] std::string_view to_string(JsonKind kind) noexcept;

/// How a node's payload is held.
enum class JsonForm : std::uint8_t {
  plain,         ///< As the kind says; integers as int64, strings as a range of the text.
  beyond_int64,  ///< Integer from 2^63 up to 2^64 - 1.
  beyond_64,     ///< Integer of more than 64 bits: its text alone is exact.
  unescaped      ///< String with escapes: a range of the unescaped characters, not of the text.
};

struct JsonRange {
  std::uint32_t offset;
  std::uint32_t size;
};

/// One value or key, in the order of the text. 32 bits suffice for offsets since texts are limited.
struct JsonNode {
  JsonKind kind;
  JsonForm form;
  std::uint32_t next;   ///< Index of the first node behind this value and all that is in it.
  std::uint32_t begin;  ///< The value's own text is [begin, end).
  std::uint32_t end;
  union {
    bool boolean;
    std::int64_t int64;
    std::uint64_t uint64;
    JsonRange string;
    std::uint32_t element_count;
  };
};
static_assert(std::is_trivially_copyable_v<JsonNode> && sizeof(JsonNode) == 24);

/// Array that starts in place, so that small documents cost no allocation.
template <class T, std::size_t InPlace>
class SmallBuffer {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_default_constructible_v<T>);

 public:
  SmallBuffer() noexcept {}  // NOLINT(modernize-use-equals-default): the elements stay uninitialised
  SmallBuffer(const SmallBuffer&) = delete;
  SmallBuffer& operator=(const SmallBuffer&) = delete;
  ~SmallBuffer() = default;

  void push_back(const T& value) {
    if (size_ == capacity_) grow();
    data_[size_++] = value;
  }
  void truncate(std::size_t size) noexcept { size_ = size; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] T& operator[](std::size_t index) noexcept { return data_[index]; }
  [[nodiscard]] T& back() noexcept { return data_[size_ - 1]; }
  [[nodiscard]] T* data() noexcept { return data_; }
  [[nodiscard]] const T* data() const noexcept { return data_; }

 private:
  void grow() {
    const std::size_t capacity = capacity_ * 2;
    std::unique_ptr<T[]> larger{new T[capacity]};
    std::memcpy(larger.get(), data_, size_ * sizeof(T));
    heap_ = std::move(larger);
    data_ = heap_.get();
    capacity_ = capacity;
  }

  std::size_t size_ = 0;
  std::size_t capacity_ = InPlace;
  T* data_ = in_place_;
  std::unique_ptr<T[]> heap_;
  T in_place_[InPlace];
};

class JsonDocument;
class JsonElements;
class JsonMembers;

/// View of one value of a JsonDocument; dangles when the document or its text goes.
class JsonValue {
 public:
  [[nodiscard]] JsonKind kind() const noexcept { return node_->kind; }
  [[nodiscard]] bool is_null() const noexcept { return kind() == JsonKind::null; }

  /// Only for kind boolean.
  [[nodiscard]] bool boolean() const noexcept { return node_->boolean; }

  /// The exact value; empty where this is no integer or does not fit.
  [[nodiscard]] std::optional<std::int64_t> int64() const noexcept {
    if (kind() != JsonKind::integer || node_->form != JsonForm::plain) return std::nullopt;
    return node_->int64;
  }
  [[nodiscard]] std::optional<std::uint64_t> uint64() const noexcept {
    if (kind() != JsonKind::integer) return std::nullopt;
    if (node_->form == JsonForm::beyond_int64) return node_->uint64;
    if (node_->form != JsonForm::plain || node_->int64 < 0) return std::nullopt;
    return static_cast<std::uint64_t>(node_->int64);
  }

  /// The nearest value; empty where this is neither integer nor number, or is beyond the type's range.
  [[nodiscard]] std::optional<double> float64() const noexcept;
  [[nodiscard]] std::optional<float> float32() const noexcept;

  /// Only for kind string: the characters with escapes resolved.
  [[nodiscard]] std::string_view string() const noexcept { return string_of(*node_); }

  /// Only for arrays and objects: how many elements or members there are.
  [[nodiscard]] std::size_t size() const noexcept { return node_->element_count; }

  /// Only for arrays: a range of JsonValue.
  [[nodiscard]] JsonElements elements() const noexcept;
  /// Only for objects: a range of JsonMemberView in the order of the text.
  [[nodiscard]] JsonMembers members() const noexcept;
  /// Only for objects: the member's value; takes time linear in the number of members.
  [[nodiscard]] std::optional<JsonValue> find(std::string_view key) const noexcept;

  /// The value as it was written.
  [[nodiscard]] std::string_view text() const noexcept;

  /// JSON pointer of this value ("/rows/3/qty", the root is ""). Slow: meant for errors.
  [[nodiscard]] std::string pointer() const;

 private:
  friend class JsonDocument;
  friend class JsonElements;
  friend class JsonMembers;

  JsonValue(const JsonDocument* document, const JsonNode* node) noexcept : document_(document), node_(node) {}
  [[nodiscard]] inline std::string_view string_of(const JsonNode& node) const noexcept;
  [[nodiscard]] inline const JsonNode* node_at(std::uint32_t index) const noexcept;

  const JsonDocument* document_;
  const JsonNode* node_;
};

struct JsonMemberView {
  std::string_view key;
  JsonValue value;
};

struct JsonLimits {
  std::size_t depth = json_depth_max;            ///< Arrays and objects inside one another.
  std::size_t size_bytes = json_size_bytes_max;  ///< At most 2^31 - 1.
};

/// One strictly read JSON text. Costs 24 bytes a value (a text of 16 MiB has at most 8 million), nothing on the heap
/// for small texts. Neither copied nor moved, since views point into it. Not thread-safe while it reads.
class JsonDocument {
 public:
  JsonDocument() noexcept = default;
  JsonDocument(const JsonDocument&) = delete;
  JsonDocument& operator=(const JsonDocument&) = delete;

  /// Reads `text`, which has to outlive the views. Called once. Errors as Json::parse.
  [[nodiscard]] Result<void> read(std::string_view text, JsonLimits limits = {});

  /// After `read` succeeded.
  [[nodiscard]] JsonValue root() const noexcept { return {this, nodes_.data()}; }

 private:
  friend class JsonValue;
  static constexpr std::size_t nodes_in_place = 160;

  std::string_view text_;
  std::string unescaped_;
  SmallBuffer<JsonNode, nodes_in_place> nodes_;
};

class JsonElements {
 public:
  class Iterator {
   public:
    [[nodiscard]] JsonValue operator*() const noexcept { return value_; }
    Iterator& operator++() noexcept {
      value_.node_ = value_.node_at(value_.node_->next);
      return *this;
    }
    [[nodiscard]] bool operator==(const Iterator& other) const noexcept { return value_.node_ == other.value_.node_; }

   private:
    friend class JsonElements;
    explicit Iterator(JsonValue value) noexcept : value_(value) {}
    JsonValue value_;
  };

  [[nodiscard]] Iterator begin() const noexcept { return Iterator{{array_.document_, array_.node_ + 1}}; }
  [[nodiscard]] Iterator end() const noexcept {
    return Iterator{{array_.document_, array_.node_at(array_.node_->next)}};
  }

 private:
  friend class JsonValue;
  explicit JsonElements(JsonValue array) noexcept : array_(array) {}
  JsonValue array_;
};

class JsonMembers {
 public:
  class Iterator {
   public:
    [[nodiscard]] JsonMemberView operator*() const noexcept {
      return {value_.string_of(*value_.node_), {value_.document_, value_.node_ + 1}};
    }
    Iterator& operator++() noexcept {
      value_.node_ = value_.node_at((value_.node_ + 1)->next);
      return *this;
    }
    [[nodiscard]] bool operator==(const Iterator& other) const noexcept { return value_.node_ == other.value_.node_; }

   private:
    friend class JsonMembers;
    explicit Iterator(JsonValue key) noexcept : value_(key) {}
    JsonValue value_;  // points to the key's node, the member's value follows it
  };

  [[nodiscard]] Iterator begin() const noexcept { return Iterator{{object_.document_, object_.node_ + 1}}; }
  [[nodiscard]] Iterator end() const noexcept {
    return Iterator{{object_.document_, object_.node_at(object_.node_->next)}};
  }

 private:
  friend class JsonValue;
  explicit JsonMembers(JsonValue object) noexcept : object_(object) {}
  JsonValue object_;
};

inline JsonElements JsonValue::elements() const noexcept { return JsonElements{*this}; }
inline JsonMembers JsonValue::members() const noexcept { return JsonMembers{*this}; }

inline std::optional<JsonValue> JsonValue::find(std::string_view key) const noexcept {
  for (const JsonMemberView member : members()) {
    if (member.key == key) return member.value;
  }
  return std::nullopt;
}

inline std::string_view JsonValue::text() const noexcept {
  return document_->text_.substr(node_->begin, node_->end - node_->begin);
}

inline std::string_view JsonValue::string_of(const JsonNode& node) const noexcept {
  const char* characters = node.form == JsonForm::unescaped ? document_->unescaped_.data() : document_->text_.data();
  return {characters + node.string.offset, node.string.size};
}

inline const JsonNode* JsonValue::node_at(std::uint32_t index) const noexcept {
  return document_->nodes_.data() + index;
}

/// The JSON pointer of the value that comes next behind `prefix`, the beginning of a valid JSON text. Keys keep the
/// escapes they have there, so that the pointer is safe to log; overlong ones are cut.
[[nodiscard]] std::string json_pointer_behind(std::string_view prefix);

/// "/rows/3/qty: expected integer, got string"; the root's pointer shows as "/".
[[nodiscard]] Error json_error_at(const JsonValue& value, std::string_view reason);
[[nodiscard]] Error json_error_expected(const JsonValue& value, std::string_view expected);
[[nodiscard]] Error json_error_missing(const JsonValue& object, std::string_view key);
/// A member's text; empty where an object has no such member, or no text there.
[[nodiscard]] std::string text_of(const JsonValue& object, std::string_view key);
/// Puts the pointer of `value` before that of an error from reading the value's own text.
[[nodiscard]] Error json_error_inside(const JsonValue& value, Error error);

}  // namespace fanfold::detail
