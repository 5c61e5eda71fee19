#include "net/sha256.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace fanfold::net {
namespace {

// Examples of FIPS 180-4 and of the NIST test vectors.
TEST(Sha256, AnswersThePublishedExamples) {
  EXPECT_EQ(hexadecimal(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hexadecimal(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hexadecimal(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hexadecimal(sha256(std::string(1'000'000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, GivesOneDigestHoweverTheMessageIsCut) {
  std::string message;
  for (int i = 0; i < 300; ++i) message += static_cast<char>(i * 7);
  const Sha256Digest whole = sha256(message);
  for (std::size_t first = 0; first <= 200; ++first) {
    Sha256 hash;
    hash.update(std::string_view(message).substr(0, first));
    hash.update(std::string_view(message).substr(first, 50));
    hash.update(std::string_view(message).substr(first + 50));
    ASSERT_EQ(hash.finish(), whole) << first;
  }
}

TEST(Sha256, IsTheSameWithAndWithoutTheInstructionsOfTheProcessor) {
  const detail::Sha256Blocks of_processor = detail::sha256_blocks_of_processor();
  if (of_processor == nullptr) GTEST_SKIP() << "this processor has no SHA instructions";
  std::vector<std::uint8_t> blocks(64 * 5);
  for (std::size_t i = 0; i < blocks.size(); ++i) blocks[i] = static_cast<std::uint8_t>(i * 131 + 17);
  std::array<std::uint32_t, 8> portable = {1, 2, 3, 4, 5, 6, 7, 0xffffffff};
  std::array<std::uint32_t, 8> accelerated = portable;
  detail::sha256_blocks_portable(portable.data(), blocks.data(), 5);
  of_processor(accelerated.data(), blocks.data(), 5);
  EXPECT_EQ(portable, accelerated);
}

// RFC 4231, test cases 1, 2 and 6.
TEST(HmacSha256, AnswersThePublishedExamples) {
  EXPECT_EQ(hexadecimal(hmac_sha256(std::string(20, '\x0b'), "Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hexadecimal(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(
      hexadecimal(hmac_sha256(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First")),
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

}  // namespace
}  // namespace fanfold::net
