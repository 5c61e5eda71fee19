#include <gtest/gtest.h>

#include "aws/base64.hpp"
#include "aws/md5.hpp"
#include "backends/aws/dynamodb_json.hpp"
#include "backends/aws/message_text.hpp"
#include "backends/aws/pointer.hpp"

namespace fanfold::aws {
namespace {

std::string base64(std::string_view bytes) {
  std::string text;
  append_base64(text, bytes);
  return text;
}

TEST(Md5, IsThatOfTheStandard) {
  EXPECT_EQ(md5_text(""), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(md5_text("abc"), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(md5_text("12345678901234567890123456789012345678901234567890123456789012345678901234567890"),
            "57edf4a22be3c955ac49da2e2107b67a");
}

TEST(Base64, IsThatOfTheStandard) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  for (const std::string text : {"", "f", "fo", "foo", "foob", "\xff\x00\xfe"})
    EXPECT_EQ(decode_base64(base64(text)), text);
}

TEST(Base64, RefusesEverythingElse) {
  for (const std::string_view text : {"Zg", "Zg=", "Z===", "Zg==Zg==", "Zh==", "Zm9=", "Z g=", "Zm9v\n"}) {
    EXPECT_FALSE(decode_base64(text).has_value()) << text;
  }
}

TEST(Base64, IsReadBackWhateverItsSize) {
  std::string bytes;
  for (int size = 0; size < 40; ++size) {
    const std::string text = base64(bytes);
    EXPECT_EQ(decode_base64(text), bytes);
    for (std::size_t at = 0; at < text.size(); ++at) {
      for (const char wrong : {'-', '\0', '\xff', ' '}) {
        std::string damaged = text;
        damaged[at] = wrong;
        EXPECT_FALSE(decode_base64(damaged).has_value()) << damaged;
      }
    }
    for (std::size_t at = 0; at + 2 < text.size(); ++at) {
      std::string damaged = text;
      damaged[at] = '=';
      EXPECT_FALSE(decode_base64(damaged).has_value()) << damaged;
    }
    bytes += static_cast<char>(size * 37);
  }
}

TEST(Utf8, IsTestedAtEachPlace) {
  const std::string text(21, 'a');
  EXPECT_TRUE(is_utf8(text));
  EXPECT_TRUE(is_sendable(text));
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string damaged = text;
    damaged[at] = '\xff';
    EXPECT_FALSE(is_utf8(damaged)) << at;
    for (const char control : {'\0', '\x0b', '\x1f'}) {
      damaged[at] = control;
      EXPECT_FALSE(is_sendable(damaged)) << at;
    }
    std::string longer = text;
    longer.replace(at, 1, "\xf0\x9f\x98\x80\t");
    EXPECT_TRUE(is_sendable(longer)) << at;
    longer.replace(at, 4, "\xef\xbf\xbf");
    EXPECT_FALSE(is_sendable(longer)) << at;
  }
}

TEST(Utf8, WhatIsNoneIsReplaced) {
  EXPECT_TRUE(is_utf8("a\xc3\xbc\xf0\x9f\x98\x80"));
  for (const std::string_view text : {"\xff", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe0\x80\x80"}) {
    EXPECT_FALSE(is_utf8(text));
    EXPECT_TRUE(is_utf8(valid_utf8(text)));
  }
  EXPECT_EQ(valid_utf8("a\xff"
                       "b"),
            "a\xef\xbf\xbd"
            "b");
}

TEST(MessageText, OnlyTheCharactersOfXmlCanBeSent) {
  EXPECT_TRUE(is_sendable("tab\tline\nreturn\r \x7f \xef\xbf\xbd \xf0\x9f\x98\x80"));
  for (const std::string_view text : {std::string_view("\0", 1), std::string_view("\x0b"), std::string_view("\x1f"),
                                      std::string_view("\xef\xbf\xbe"), std::string_view("\xff")}) {
    EXPECT_FALSE(is_sendable(text));
  }
}

TEST(MessageText, OfJsonIsMadeSendableByEscapes) {
  const std::string json = sendable_json("\"a\xef\xbf\xbe\xef\xbf\xbf\xef\xbf\xbd\"");
  EXPECT_EQ(json, "\"a\\ufffe\\uffff\xef\xbf\xbd\"");
  EXPECT_TRUE(is_sendable(json));
}

TEST(Pointer, IsReadAsEveryClientWritesIt) {
  EXPECT_EQ(write_pointer({"b", "k"}),
            R"(["software.amazon.payloadoffloading.PayloadS3Pointer",{"s3BucketName":"b","s3Key":"k"}])");
  for (const std::string_view text :
       {R"(["software.amazon.payloadoffloading.PayloadS3Pointer",{"s3BucketName":"b","s3Key":"k"}])",
        R"(["software.amazon.payloadoffloading.PayloadS3Pointer", {"s3BucketName": "b", "s3Key": "k"}])",
        R"(["com.amazon.sqs.javamessaging.MessageS3Pointer",{"s3Key":"k","s3BucketName":"b"}])"}) {
    const auto object = read_pointer(text);
    ASSERT_TRUE(object.has_value()) << text;
    EXPECT_EQ(object->bucket, "b");
    EXPECT_EQ(object->key, "k");
  }
  for (const std::string_view text :
       {"[]", "{}", R"(["other",{"s3BucketName":"b","s3Key":"k"}])", "not json",
        R"(["software.amazon.payloadoffloading.PayloadS3Pointer",{"s3BucketName":"b"}])"}) {
    EXPECT_FALSE(read_pointer(text).has_value()) << text;
  }
}

TEST(Pointer, StandsInAReceiptUntilItIsNeeded) {
  const std::string receipt = receipt_with_object("AQEB", {"b", "a/key"});
  const SplitReceipt split = split_receipt(receipt);
  EXPECT_EQ(split.receipt, "AQEB");
  ASSERT_TRUE(split.object.has_value());
  EXPECT_EQ(split.object->bucket, "b");
  EXPECT_EQ(split.object->key, "a/key");
  EXPECT_FALSE(split_receipt("AQEB").object.has_value());
  EXPECT_EQ(split_receipt("-..s3BucketName..-cut").receipt, "-..s3BucketName..-cut");
}

}  // namespace
}  // namespace fanfold::aws
