#pragma once

#include <ostream>
#include <string>
#include <string_view>
#include <utility>

namespace fanfold::net {

/// Text that must never be shown: a key, a token. It cannot be printed, compared in messages or turned into a string
/// by accident; `reveal` is the one way to the text and is meant for signing and for headers. Its bytes are
/// overwritten when it goes.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}
  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept : text_(std::move(other.text_)) { other.erase(); }
  Secret& operator=(const Secret& other);
  Secret& operator=(Secret&& other) noexcept;
  ~Secret() { erase(); }

  [[nodiscard]] bool empty() const noexcept { return text_.empty(); }
  /// Valid as long as this object is neither changed nor destroyed.
  [[nodiscard]] std::string_view reveal() const noexcept { return text_; }

  friend bool operator==(const Secret&, const Secret&) = default;
  friend std::ostream& operator<<(std::ostream&, const Secret&) = delete;

 private:
  void erase() noexcept;

  std::string text_;
};

/// `text` with every occurrence of the secret replaced. For what a remote side said: some services repeat the
/// request, with its token, in the answer that refuses it.
[[nodiscard]] std::string redacted(std::string text, const Secret& secret);

}  // namespace fanfold::net
