#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace fanfold::net {

inline constexpr std::size_t sha256_bytes = 32;
using Sha256Digest = std::array<std::uint8_t, sha256_bytes>;

/// SHA-256 (FIPS 180-4) of what `update` was given, in pieces of any size. Uses the processor's SHA instructions
/// where it has them.
class Sha256 {
 public:
  Sha256() noexcept;
  void update(std::string_view bytes) noexcept;
  /// Ends the message; afterwards only assignment is meaningful.
  [[nodiscard]] Sha256Digest finish() noexcept;

 private:
  static constexpr std::size_t block_bytes = 64;

  std::array<std::uint32_t, 8> state_;
  std::array<std::uint8_t, block_bytes> block_{};
  std::size_t held_bytes_ = 0;
  std::uint64_t message_bytes_ = 0;
};

[[nodiscard]] Sha256Digest sha256(std::string_view bytes) noexcept;
/// RFC 2104 with SHA-256.
[[nodiscard]] Sha256Digest hmac_sha256(std::string_view key, std::string_view message) noexcept;

/// Lower-case hexadecimal digits, two a byte.
[[nodiscard]] std::string hexadecimal(const Sha256Digest& digest);
void append_hexadecimal(std::string& out, const Sha256Digest& digest);

[[nodiscard]] inline std::string_view as_text(const Sha256Digest& digest) noexcept {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

namespace detail {
/// The compression function over whole blocks. Both do the same; tests compare them.
void sha256_blocks_portable(std::uint32_t* state, const std::uint8_t* blocks, std::size_t block_count) noexcept;
/// Null where the processor has no SHA instructions.
using Sha256Blocks = void (*)(std::uint32_t* state, const std::uint8_t* blocks, std::size_t block_count) noexcept;
[[nodiscard]] Sha256Blocks sha256_blocks_of_processor() noexcept;
}  // namespace detail

}  // namespace fanfold::net
