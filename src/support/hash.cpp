#include "support/hash.hpp"

#include <boost/uuid/detail/sha1.hpp>

namespace fanfold {

std::array<std::uint8_t, 20> sha1_bytes(std::string_view bytes) {
  boost::uuids::detail::sha1 sha1;
  sha1.process_bytes(bytes.data(), bytes.size());
  boost::uuids::detail::sha1::digest_type words{};
  sha1.get_digest(words);
  std::array<std::uint8_t, 20> digest{};
  for (std::size_t i = 0; i < digest.size(); ++i)
    digest[i] = static_cast<std::uint8_t>(words[i / 4] >> (24U - 8U * (i % 4)));
  return digest;
}

std::string digest_text(std::string_view bytes) {
  const std::array<std::uint8_t, 20> digest = sha1_bytes(bytes);
  constexpr std::string_view digits = "0123456789abcdefghijklmnopqrstuv";
  std::string text;
  text.reserve(26);
  unsigned bits = 0;
  unsigned held = 0;
  for (std::size_t i = 0; i < 16; ++i) {
    bits = (bits << 8U) | digest[i];
    held += 8;
    while (held >= 5) {
      held -= 5;
      text += digits[(bits >> held) & 31U];
    }
  }
  text += digits[(bits << (5U - held)) & 31U];
  return text;
}

}  // namespace fanfold
