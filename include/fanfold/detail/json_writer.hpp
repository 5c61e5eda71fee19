#pragma once

#include <fanfold/codec.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace fanfold::detail {

/// Appends one JSON value to a string, without white space. Commas come by themselves; the caller keeps keys and
/// values in turn and begins and ends in pairs. Not thread-safe.
///
/// What has no JSON form throws ErrorException with invalid_argument and the JSON pointer of the place: text that is
/// not UTF-8, a number that is not finite, more than json_depth_max levels.
class JsonWriter {
 public:
  /// Writes behind what `out` holds; `out` must outlive the writer.
  explicit JsonWriter(std::string& out) noexcept : out_(out), start_(out.size()) {}
  JsonWriter(const JsonWriter&) = delete;
  JsonWriter& operator=(const JsonWriter&) = delete;

  void begin_object() { begin('{'); }
  void end_object() { end('}'); }
  void begin_array() { begin('['); }
  void end_array() { end(']'); }

  /// Any UTF-8 text.
  void key(std::string_view key) {
    separate();
    append_escaped(key);
    out_ += ':';
    needs_comma_ = false;
  }
  /// A key known to need no escapes, as names in programs are.
  void plain_key(std::string_view key) {
    if (needs_comma_) {
      out_.append(",\"", 2);
    } else {
      out_ += '"';
    }
    out_.append(key);
    out_.append("\":", 2);
    needs_comma_ = false;
  }

  void null() { word("null"); }
  void boolean(bool value) { word(value ? std::string_view("true") : std::string_view("false")); }
  void integer(std::int64_t value);
  void unsigned_integer(std::uint64_t value);
  /// Shortest text that reads back as the same value.
  void number(double value);
  void number(float value);
  void string(std::string_view value) {
    separate();
    append_escaped(value);
    needs_comma_ = true;
  }
  /// A string known to need no escapes.
  void plain_string(std::string_view value) {
    separate();
    out_ += '"';
    out_.append(value);
    out_ += '"';
    needs_comma_ = true;
  }
  /// Valid JSON text as it is; refuses what would become too deep.
  void json(const Json& value);
  /// The same without looking: for messages whose readers allow their bodies' depth on top of their own.
  void json_unchecked(std::string_view text) { word(text); }

  /// Throws ErrorException with invalid_argument for the value that would come next.
  [[noreturn]] void refuse(std::string_view reason) {
    separate();
    refuse_here(reason);
  }

  /// Throws ErrorException with too_large where more than json_size_bytes_max were written.
  void check_size() const;

 private:
  void separate() {
    if (needs_comma_) out_ += ',';
  }
  void begin(char bracket) {
    separate();
    if (depth_ == json_depth_max) refuse_depth();
    ++depth_;
    out_ += bracket;
    needs_comma_ = false;
  }
  void end(char bracket) {
    --depth_;
    out_ += bracket;
    needs_comma_ = true;
  }
  void word(std::string_view text) {
    separate();
    out_.append(text);
    needs_comma_ = true;
  }
  void append_escaped(std::string_view text);
  [[noreturn]] void refuse_here(std::string_view reason) const;
  [[noreturn]] void refuse_depth() const;

  std::string& out_;
  std::size_t start_;
  std::size_t depth_ = 0;
  bool needs_comma_ = false;
};

}  // namespace fanfold::detail
