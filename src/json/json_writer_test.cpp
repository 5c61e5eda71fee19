#include <fanfold/detail/json_reader.hpp>
#include <fanfold/detail/json_writer.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>

namespace fanfold::detail {
namespace {

std::string written(const std::function<void(JsonWriter&)>& write) {
  std::string text;
  JsonWriter writer{text};
  write(writer);
  EXPECT_EQ(Json::parse(text).value().text(), text);
  return text;
}

std::string refusal(const std::function<void(JsonWriter&)>& write) {
  std::string text;
  JsonWriter writer{text};
  try {
    write(writer);
  } catch (const ErrorException& exception) {
    EXPECT_EQ(exception.error().code, ErrorCode::invalid_argument);
    return exception.error().message;
  }
  return "accepted " + text;
}

TEST(JsonWriter, PutsCommasBetweenElementsAndMembers) {
  EXPECT_EQ(written([](JsonWriter& writer) {
              writer.begin_object();
              writer.key("a");
              writer.begin_array();
              writer.integer(1);
              writer.null();
              writer.begin_object();
              writer.end_object();
              writer.boolean(false);
              writer.end_array();
              writer.plain_key("b");
              writer.string("x");
              writer.key("c");
              writer.json(Json::parse("[1, 2]").value());
              writer.plain_key("d");
              writer.plain_string("y");
              writer.end_object();
            }),
            R"({"a":[1,null,{},false],"b":"x","c":[1, 2],"d":"y"})");
}

TEST(JsonWriter, EscapesWhatHasToBeEscapedAndNothingElse) {
  EXPECT_EQ(
      written([](JsonWriter& writer) { writer.string("say \"hi\" \\ \b\f\n\r\t\x01\x1f\x7f / \u00e9\U0001F600"); }),
      "\"say \\\"hi\\\" \\\\ \\b\\f\\n\\r\\t\\u0001\\u001f\x7f / \u00e9\U0001F600\"");
  EXPECT_EQ(written([](JsonWriter& writer) { writer.string(std::string("a\0b", 3)); }), "\"a\\u0000b\"");
}

TEST(JsonWriter, ReadsBackEveryByteAtEveryPlace) {
  for (int byte = 0; byte < 0x80; ++byte) {
    for (std::size_t place = 0; place < 20; ++place) {
      std::string value(20, 'p');
      value[place] = static_cast<char>(byte);
      std::string text;
      JsonWriter{text}.string(value);
      JsonDocument document;
      ASSERT_TRUE(document.read(text).has_value()) << text;
      ASSERT_EQ(document.root().string(), value);
    }
  }
}

TEST(JsonWriter, WritesIntegersExactly) {
  EXPECT_EQ(written([](JsonWriter& writer) { writer.integer(INT64_MIN); }), "-9223372036854775808");
  EXPECT_EQ(written([](JsonWriter& writer) { writer.unsigned_integer(UINT64_MAX); }), "18446744073709551615");
}

TEST(JsonWriter, WritesTheShortestNumberThatReadsBack) {
  EXPECT_EQ(written([](JsonWriter& writer) { writer.number(0.1); }), "0.1");
  EXPECT_EQ(written([](JsonWriter& writer) { writer.number(0.1F); }), "0.1");
  EXPECT_EQ(written([](JsonWriter& writer) { writer.number(1e300); }), "1e+300");
  for (const double value : {0.1 + 0.2, 1.0 / 3, -0.0, 5e-324, std::numeric_limits<double>::max(), 1e22, 123456.0}) {
    const std::string text = written([&](JsonWriter& writer) { writer.number(value); });
    JsonDocument document;
    ASSERT_TRUE(document.read(text).has_value());
    EXPECT_EQ(document.root().float64(), value) << text;
    EXPECT_EQ(std::signbit(*document.root().float64()), std::signbit(value)) << text;
  }
}

TEST(JsonWriter, RefusesNumbersThatAreNotFiniteWithThePath) {
  EXPECT_EQ(refusal([](JsonWriter& writer) {
              writer.begin_object();
              writer.key("rows");
              writer.begin_array();
              writer.integer(1);
              writer.begin_object();
              writer.plain_key("price");
              writer.number(std::numeric_limits<double>::quiet_NaN());
            }),
            "/rows/1/price: a number that is not finite has no JSON form");
  EXPECT_EQ(refusal([](JsonWriter& writer) { writer.number(std::numeric_limits<float>::infinity()); }),
            "/: a number that is not finite has no JSON form");
}

TEST(JsonWriter, RefusesStringsThatAreNotUtf8) {
  EXPECT_EQ(refusal([](JsonWriter& writer) {
              writer.begin_array();
              writer.string("fine");
              writer.string("long enough to matter, then \xC3");
            }),
            "/1: not valid UTF-8");
  EXPECT_EQ(refusal([](JsonWriter& writer) {
              writer.begin_object();
              writer.key("a");
              writer.begin_object();
              writer.key("\xFF");
            }),
            "/a: not valid UTF-8");
}

TEST(JsonWriter, RefusesMoreLevelsThanReadersTake) {
  const auto nest = [](JsonWriter& writer, std::size_t depth) {
    for (std::size_t level = 0; level < depth; ++level) writer.begin_array();
    for (std::size_t level = 0; level < depth; ++level) writer.end_array();
  };
  EXPECT_EQ(written([&](JsonWriter& writer) { nest(writer, json_depth_max); }).size(), 2 * json_depth_max);
  EXPECT_TRUE(
      refusal([&](JsonWriter& writer) { nest(writer, json_depth_max + 1); }).ends_with("deeper than 64 levels"));
}

TEST(JsonWriter, CountsTheLevelsOfTextThatItPasses) {
  const std::string brackets_in_a_string = "\"" + std::string(200, '[') + "\"";
  const auto deepest = Json::parse(std::string(63, '[') + std::string(63, ']')).value();
  const auto too_deep = Json::parse(std::string(64, '[') + std::string(64, ']')).value();
  written([&](JsonWriter& writer) {
    writer.begin_array();
    writer.json(Json::parse(brackets_in_a_string).value());
    writer.json(deepest);
    writer.end_array();
  });
  EXPECT_EQ(refusal([&](JsonWriter& writer) {
              writer.begin_array();
              writer.json(too_deep);
            }),
            "/0: deeper than 64 levels");
}

TEST(JsonWriter, AppendsBehindWhatIsThere) {
  std::string text = "prefix{";
  JsonWriter writer{text};
  writer.begin_array();
  EXPECT_THROW(writer.number(HUGE_VAL), ErrorException);
  EXPECT_EQ(text, "prefix{[");
}

}  // namespace
}  // namespace fanfold::detail
