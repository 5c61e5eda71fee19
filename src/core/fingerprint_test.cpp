#include "core/fingerprint.hpp"

#include <gtest/gtest.h>

namespace fanfold::core {
namespace {

TEST(Fingerprint, IsEightHexDigits) {
  const std::string fingerprint = error_fingerprint("exit 1", "no decode delegate");
  EXPECT_EQ(fingerprint.size(), 8U);
  EXPECT_EQ(fingerprint.find_first_not_of("0123456789abcdef"), std::string::npos);
}

TEST(Fingerprint, IsEqualForMessagesThatDifferOnlyInNumbersIdsAndPaths) {
  const auto same = [](std::string_view one, std::string_view other) {
    EXPECT_EQ(error_fingerprint("internal", one), error_fingerprint("internal", other)) << one << " | " << other;
  };
  same("row 3 of 1200", "row 17 of 4");
  same("no user 8d3f1c2e-1b2a-4c3d-9e8f-001122334455", "no user 00000000-aaaa-bbbb-cccc-ffffffffffff");
  same("at 0x7ffe12ab", "at 0xdead");
  same("object deadbeef01", "object 0123456789abcdef");
  same("cannot open /var/tmp/a.jpg: No such file", "cannot open /home/user/photos/b-2.jpg: No such file");
  same("cannot open ./small/a.jpg", "cannot open ../b.jpg");
}

TEST(Fingerprint, DiffersWhereTheWordsDo) {
  EXPECT_NE(error_fingerprint("internal", "cannot open /a"), error_fingerprint("internal", "cannot write /a"));
  EXPECT_NE(error_fingerprint("exit 1", "broken"), error_fingerprint("exit 2", "broken"));
}

TEST(Fingerprint, LeavesWordsThatOnlyLookLikeHexAlone) {
  EXPECT_EQ(normalized_message("defaced facade added"), "defaced facade added");
  EXPECT_EQ(normalized_message("utf8 and x86 in 3 ms"), "utf# and x# in # ms");
}

TEST(PresentableMessage, KeepsValidTextAsItIs) {
  EXPECT_EQ(presentable_message("größer als 5 €, 🙂"), "größer als 5 €, 🙂");
  EXPECT_EQ(presentable_message(""), "");
}

TEST(PresentableMessage, ReplacesBytesThatAreNotUtf8) {
  EXPECT_EQ(presentable_message("a\xFF"
                                "b\xC3"),
            "a\xEF\xBF\xBD"
            "b\xEF\xBF\xBD");
  EXPECT_EQ(presentable_message("\xED\xA0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST(PresentableMessage, CutsWhatIsTooLongBetweenCharactersAndSaysSo) {
  std::string message;
  while (message.size() <= error_message_bytes_max) message += "€";
  const std::string cut = presentable_message(message);
  EXPECT_LE(cut.size(), error_message_bytes_max);
  EXPECT_TRUE(cut.ends_with("€ … (cut)"));
}

TEST(PresentableMessage, KeepsAMessageOfExactlyTheLimit) {
  const std::string message(error_message_bytes_max, 'x');
  EXPECT_EQ(presentable_message(message), message);
}

}  // namespace
}  // namespace fanfold::core
