#include "net/secret.hpp"

namespace fanfold::net {

Secret& Secret::operator=(const Secret& other) {
  if (this != &other) {
    erase();
    text_ = other.text_;
  }
  return *this;
}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    erase();
    text_ = std::move(other.text_);
    other.erase();
  }
  return *this;
}

void Secret::erase() noexcept {
  // Volatile, since a write to memory that nobody reads any more would be left out otherwise.
  volatile char* bytes = text_.data();
  for (std::size_t i = 0; i < text_.size(); ++i) bytes[i] = '\0';
  text_.clear();
}

std::string redacted(std::string text, const Secret& secret) {
  constexpr std::string_view replacement = "[redacted]";
  const std::string_view hidden = secret.reveal();
  if (hidden.empty()) return text;
  for (std::size_t at = text.find(hidden); at != std::string::npos; at = text.find(hidden, at + replacement.size())) {
    text.replace(at, hidden.size(), replacement);
  }
  return text;
}

}  // namespace fanfold::net
