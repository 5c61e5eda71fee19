#include "support/hash.hpp"

#include <boost/uuid/detail/sha1.hpp>

#include <array>

namespace fanfold {

std::string digest_text(std::string_view bytes) {
  boost::uuids::detail::sha1 sha1;
  sha1.process_bytes(bytes.data(), bytes.size());
  boost::uuids::detail::sha1::digest_type words{};
  sha1.get_digest(words);

  constexpr std::string_view digits = "0123456789abcdefghijklmnopqrstuv";
  std::string text;
  text.reserve(26);
  unsigned bits = 0;
  unsigned held = 0;
  for (std::size_t i = 0; i < 16; ++i) {
    bits = (bits << 8U) | ((words[i / 4] >> (24U - 8U * (i % 4))) & 0xffU);
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
