#include "aws/md5.hpp"

#include <boost/uuid/detail/md5.hpp>

namespace fanfold::aws {

std::string md5_bytes(std::string_view bytes) {
  boost::uuids::detail::md5 md5;
  md5.process_bytes(bytes.data(), bytes.size());
  // Boost gives the bytes as the digits of four numbers, whatever the machine's order.
  boost::uuids::detail::md5::digest_type words{};
  md5.get_digest(words);
  std::string digest;
  for (const unsigned word : words) {
    for (const unsigned shift : {24U, 16U, 8U, 0U})
      digest += static_cast<char>(static_cast<unsigned char>(word >> shift));
  }
  return digest;
}

std::string md5_text(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  const std::string digest = md5_bytes(bytes);
  std::string text;
  text.reserve(2 * digest.size());
  for (const char c : digest) {
    const auto byte = static_cast<unsigned char>(c);
    text += digits[byte >> 4U];
    text += digits[byte & 0xfU];
  }
  return text;
}

}  // namespace fanfold::aws
