#include "net/sha256.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#elif defined(__aarch64__) && !defined(__clang__)  // Clang 14 has them only where a whole source is compiled for them.
#define FANFOLD_SHA_OF_ARM 1
#include <arm_neon.h>
#include <sys/auxv.h>
#endif

namespace fanfold::net {
namespace {

alignas(16) constexpr std::array<std::uint32_t, 64> round_constants = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

constexpr std::size_t block_bytes = 64;

std::uint32_t big_endian_word(const std::uint8_t* bytes) noexcept {
  return static_cast<std::uint32_t>(bytes[0]) << 24U | static_cast<std::uint32_t>(bytes[1]) << 16U |
         static_cast<std::uint32_t>(bytes[2]) << 8U | static_cast<std::uint32_t>(bytes[3]);
}

void compress_portable(std::uint32_t* state, const std::uint8_t* block) noexcept {
  std::array<std::uint32_t, 64> words;
  for (std::size_t i = 0; i < 16; ++i) words[i] = big_endian_word(block + 4 * i);
  for (std::size_t i = 16; i < 64; ++i) {
    const std::uint32_t early = words[i - 15];
    const std::uint32_t late = words[i - 2];
    const std::uint32_t small0 = std::rotr(early, 7) ^ std::rotr(early, 18) ^ (early >> 3U);
    const std::uint32_t small1 = std::rotr(late, 17) ^ std::rotr(late, 19) ^ (late >> 10U);
    words[i] = words[i - 16] + small0 + words[i - 7] + small1;
  }
  std::array<std::uint32_t, 8> s;
  std::copy_n(state, 8, s.begin());
  for (std::size_t i = 0; i < 64; ++i) {
    const std::uint32_t big1 = std::rotr(s[4], 6) ^ std::rotr(s[4], 11) ^ std::rotr(s[4], 25);
    const std::uint32_t choice = (s[4] & s[5]) ^ (~s[4] & s[6]);
    const std::uint32_t first = s[7] + big1 + choice + round_constants[i] + words[i];
    const std::uint32_t big0 = std::rotr(s[0], 2) ^ std::rotr(s[0], 13) ^ std::rotr(s[0], 22);
    const std::uint32_t majority = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]);
    s = {first + big0 + majority, s[0], s[1], s[2], s[3] + first, s[4], s[5], s[6]};
  }
  for (std::size_t i = 0; i < 8; ++i) state[i] += s[i];
}

#if defined(__x86_64__)

/// Sixteen rounds' worth of message words in four registers, each step makes the next four.
__attribute__((target("sha,sse4.1"))) void blocks_with_sha_instructions(std::uint32_t* state,
                                                                        const std::uint8_t* blocks,
                                                                        std::size_t block_count) noexcept {
  const __m128i byte_order = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  const auto* const constants = reinterpret_cast<const __m128i*>(round_constants.data());

  // The instructions want the state as ABEF and CDGH.
  const __m128i dcba = _mm_loadu_si128(reinterpret_cast<const __m128i*>(state));
  const __m128i hgfe = _mm_loadu_si128(reinterpret_cast<const __m128i*>(state + 4));
  const __m128i cdab = _mm_shuffle_epi32(dcba, 0xB1);
  const __m128i efgh = _mm_shuffle_epi32(hgfe, 0x1B);
  __m128i abef = _mm_alignr_epi8(cdab, efgh, 8);
  __m128i cdgh = _mm_blend_epi16(efgh, cdab, 0xF0);

  for (; block_count > 0; --block_count, blocks += block_bytes) {
    const __m128i abef_before = abef;
    const __m128i cdgh_before = cdgh;
    __m128i words[4];
    for (std::size_t i = 0; i < 4; ++i) {
      words[i] = _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(blocks) + i), byte_order);
    }
#pragma GCC unroll 16
    for (std::size_t step = 0; step < 16; ++step) {
      const __m128i current = words[step & 3U];
      const __m128i keyed = _mm_add_epi32(current, _mm_load_si128(constants + step));
      cdgh = _mm_sha256rnds2_epu32(cdgh, abef, keyed);
      abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(keyed, 0x0E));
      if (step < 12) {
        const __m128i last = words[(step + 3) & 3U];
        const __m128i middle = _mm_alignr_epi8(last, words[(step + 2) & 3U], 4);
        const __m128i partial = _mm_add_epi32(_mm_sha256msg1_epu32(current, words[(step + 1) & 3U]), middle);
        words[step & 3U] = _mm_sha256msg2_epu32(partial, last);
      }
    }
    abef = _mm_add_epi32(abef, abef_before);
    cdgh = _mm_add_epi32(cdgh, cdgh_before);
  }

  const __m128i feba = _mm_shuffle_epi32(abef, 0x1B);
  const __m128i dchg = _mm_shuffle_epi32(cdgh, 0xB1);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(state), _mm_blend_epi16(feba, dchg, 0xF0));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}

bool has_sha_instructions() noexcept {
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & bit_SSE4_1) == 0 || (c & bit_SSSE3) == 0) return false;
  constexpr unsigned sha_bit = 1U << 29U;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & sha_bit) != 0;
}

#elif defined(FANFOLD_SHA_OF_ARM)

/// As above: each step takes four message words, and makes four of those to come.
__attribute__((target("+crypto"))) void blocks_with_sha_instructions(std::uint32_t* state, const std::uint8_t* blocks,
                                                                     std::size_t block_count) noexcept {
  uint32x4_t abcd = vld1q_u32(state);
  uint32x4_t efgh = vld1q_u32(state + 4);
  for (; block_count > 0; --block_count, blocks += block_bytes) {
    const uint32x4_t abcd_before = abcd;
    const uint32x4_t efgh_before = efgh;
    uint32x4_t words[4];
    for (std::size_t i = 0; i < 4; ++i) {
      words[i] = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(blocks + 16 * i)));
    }
#pragma GCC unroll 16
    for (std::size_t step = 0; step < 16; ++step) {
      const uint32x4_t current = words[step & 3U];
      const uint32x4_t keyed = vaddq_u32(current, vld1q_u32(round_constants.data() + 4 * step));
      const uint32x4_t abcd_now = abcd;
      abcd = vsha256hq_u32(abcd, efgh, keyed);
      efgh = vsha256h2q_u32(efgh, abcd_now, keyed);
      if (step < 12) {
        const uint32x4_t partial = vsha256su0q_u32(current, words[(step + 1) & 3U]);
        words[step & 3U] = vsha256su1q_u32(partial, words[(step + 2) & 3U], words[(step + 3) & 3U]);
      }
    }
    abcd = vaddq_u32(abcd, abcd_before);
    efgh = vaddq_u32(efgh, efgh_before);
  }
  vst1q_u32(state, abcd);
  vst1q_u32(state + 4, efgh);
}

bool has_sha_instructions() noexcept {
  constexpr unsigned long sha2_bit = 1UL << 6U;  // HWCAP_SHA2 of the kernel's interface.
  return (getauxval(AT_HWCAP) & sha2_bit) != 0;
}

#endif

detail::Sha256Blocks best_blocks() noexcept {
  const detail::Sha256Blocks of_processor = detail::sha256_blocks_of_processor();
  return of_processor != nullptr ? of_processor : detail::sha256_blocks_portable;
}

void process_blocks(std::uint32_t* state, const std::uint8_t* blocks, std::size_t block_count) noexcept {
  static const detail::Sha256Blocks chosen = best_blocks();
  chosen(state, blocks, block_count);
}

constexpr std::array<std::uint32_t, 8> initial_state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                                        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

}  // namespace

namespace detail {

void sha256_blocks_portable(std::uint32_t* state, const std::uint8_t* blocks, std::size_t block_count) noexcept {
  for (; block_count > 0; --block_count, blocks += block_bytes) compress_portable(state, blocks);
}

Sha256Blocks sha256_blocks_of_processor() noexcept {
#if defined(__x86_64__) || defined(FANFOLD_SHA_OF_ARM)
  if (has_sha_instructions()) return blocks_with_sha_instructions;
#endif
  return nullptr;
}

}  // namespace detail

Sha256::Sha256() noexcept : state_(initial_state) {}

void Sha256::update(std::string_view bytes) noexcept {
  const auto* from = reinterpret_cast<const std::uint8_t*>(bytes.data());
  std::size_t left = bytes.size();
  message_bytes_ += left;
  if (held_bytes_ > 0) {
    const std::size_t taken = std::min(left, block_bytes - held_bytes_);
    if (taken > 0) std::memcpy(block_.data() + held_bytes_, from, taken);
    held_bytes_ += taken;
    from += taken;
    left -= taken;
    if (held_bytes_ < block_bytes) return;
    process_blocks(state_.data(), block_.data(), 1);
    held_bytes_ = 0;
  }
  const std::size_t whole = left / block_bytes;
  if (whole > 0) process_blocks(state_.data(), from, whole);
  held_bytes_ = left - whole * block_bytes;
  if (held_bytes_ > 0) std::memcpy(block_.data(), from + whole * block_bytes, held_bytes_);
}

Sha256Digest Sha256::finish() noexcept {
  constexpr std::size_t length_bytes = 8;
  const std::uint64_t message_bits = message_bytes_ * 8;
  block_[held_bytes_++] = 0x80;
  if (held_bytes_ > block_bytes - length_bytes) {
    std::fill(block_.begin() + static_cast<std::ptrdiff_t>(held_bytes_), block_.end(), std::uint8_t{0});
    process_blocks(state_.data(), block_.data(), 1);
    held_bytes_ = 0;
  }
  std::fill(block_.begin() + static_cast<std::ptrdiff_t>(held_bytes_), block_.end(), std::uint8_t{0});
  for (std::size_t i = 0; i < length_bytes; ++i) {
    block_[block_bytes - 1 - i] = static_cast<std::uint8_t>(message_bits >> (8 * i));
  }
  process_blocks(state_.data(), block_.data(), 1);
  Sha256Digest digest;
  for (std::size_t i = 0; i < digest.size(); ++i) {
    digest[i] = static_cast<std::uint8_t>(state_[i / 4] >> (24 - 8 * (i % 4)));
  }
  return digest;
}

Sha256Digest sha256(std::string_view bytes) noexcept {
  Sha256 hash;
  hash.update(bytes);
  return hash.finish();
}

Sha256Digest hmac_sha256(std::string_view key, std::string_view message) noexcept {
  std::array<char, block_bytes> pad{};
  if (key.size() > pad.size()) {
    const Sha256Digest shortened = sha256(key);
    std::memcpy(pad.data(), shortened.data(), shortened.size());
  } else if (!key.empty()) {
    std::memcpy(pad.data(), key.data(), key.size());
  }
  for (char& byte : pad) byte = static_cast<char>(byte ^ 0x36);
  Sha256 inner;
  inner.update({pad.data(), pad.size()});
  inner.update(message);
  const Sha256Digest inner_digest = inner.finish();
  for (char& byte : pad) byte = static_cast<char>(byte ^ (0x36 ^ 0x5c));
  Sha256 outer;
  outer.update({pad.data(), pad.size()});
  outer.update(as_text(inner_digest));
  return outer.finish();
}

void append_hexadecimal(std::string& out, const Sha256Digest& digest) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::array<char, 2 * sha256_bytes> text;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled below
  for (std::size_t i = 0; i < digest.size(); ++i) {
    text[2 * i] = digits[digest[i] >> 4U];
    text[2 * i + 1] = digits[digest[i] & 15U];
  }
  out.append(text.data(), text.size());
}

std::string hexadecimal(const Sha256Digest& digest) {
  std::string text;
  append_hexadecimal(text, digest);
  return text;
}

}  // namespace fanfold::net
