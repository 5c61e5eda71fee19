#include "aws/xml.hpp"

#include <gtest/gtest.h>

namespace fanfold::aws {
namespace {

TEST(Xml, IsReadAsServicesWriteIt) {
  const XmlDocument document = XmlDocument::parse(
                                   "\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                                   "<!-- > --><s:Error xmlns:s='a>b'>\n  <Code>NoSuchKey</Code>"
                                   "<Message>a &lt;b&gt; &amp;&#x20AC;&#65; <![CDATA[<raw & "
                                   "]]>end</Message><Empty/><Key a=\"1\"></Key>\n</s:Error>\n")
                                   .value();
  EXPECT_EQ(document.root_name(), "Error");
  EXPECT_EQ(document.find("Code"), "NoSuchKey");
  EXPECT_EQ(document.find("Message"),
            "a <b> &\xe2\x82\xac"
            "A <raw & end");
  EXPECT_EQ(document.find("Empty"), "");
  EXPECT_EQ(document.find("Key"), "");
  EXPECT_FALSE(document.find("Nothing").has_value());
  ASSERT_EQ(document.elements().size(), 5U);
  EXPECT_EQ(document.elements()[1].depth, 1U);
}

TEST(Xml, IsRefusedWhereItIsNotWhole) {
  for (const char* text : {"",
                           "   ",
                           "text",
                           "<a>",
                           "<a><b></a>",
                           "<a></b>",
                           "<a",
                           "<a>&nbsp;</a>",
                           "<a>&amp</a>",
                           "<a>&#0;</a>",
                           "<a>&#xD800;</a>",
                           "<a>&#;</a>",
                           "<a/><b/>",
                           "<a/>text",
                           "<!DOCTYPE html><html></html>",
                           "<a><![CDATA[</a>",
                           "<a><!-- </a>",
                           "<?xml",
                           "<></>",
                           "</a>",
                           "<a b='></a>"}) {
    const Result<XmlDocument> document = XmlDocument::parse(text);
    ASSERT_FALSE(document.has_value()) << text;
    EXPECT_EQ(document.error().code, ErrorCode::bad_input) << text;
  }
}

TEST(Xml, HasALimitOfDepth) {
  std::string text;
  for (std::size_t i = 0; i <= xml_depth_max; ++i) text += "<a>";
  EXPECT_EQ(XmlDocument::parse(text).error().message, "XML, byte 48: deeper than 16 levels");
}

TEST(Xml, ReadsBackWhatItEscapes) {
  const std::string text = "<a & \"b\" 'c'>";
  EXPECT_EQ(XmlDocument::parse("<t>" + xml_escaped(text) + "</t>").value().find("t"), text);
}

}  // namespace
}  // namespace fanfold::aws
