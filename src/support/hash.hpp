#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace fanfold {

/// FNV-1a, 64 bits: for fingerprints and buckets, never for identity.
[[nodiscard]] constexpr std::uint64_t fnv1a(std::string_view bytes, std::uint64_t seed = 0xcbf29ce484222325U) noexcept {
  for (const char c : bytes) {
    seed ^= static_cast<unsigned char>(c);
    seed *= 0x100000001b3U;
  }
  return seed;
}

[[nodiscard]] std::array<std::uint8_t, 20> sha1_bytes(std::string_view bytes);

/// The first 128 bits of SHA-1 as 26 characters [0-9a-v]: ids made from what a caller named, hashes of payload pages.
/// Collisions by chance are out of reach; nobody is to be defended against, since callers name their own things.
[[nodiscard]] std::string digest_text(std::string_view bytes);

}  // namespace fanfold
