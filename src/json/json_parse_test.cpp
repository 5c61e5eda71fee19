#include <fanfold/codec.hpp>
#include <fanfold/detail/json_reader.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace fanfold {
namespace {

std::string refusal(std::string_view text) {
  const Result<Json> json = Json::parse(text);
  if (json.has_value()) return "accepted " + json->text();
  EXPECT_EQ(json.error().code, ErrorCode::bad_input);
  return json.error().message;
}

std::string accepted(std::string_view text) { return Json::parse(text).value().text(); }

std::string nested_arrays(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

TEST(JsonParse, AcceptsEveryKindOfValue) {
  for (const std::string_view text :
       {"null", "true", "false", "0", "-0", "-1", "1.5e-7", "\"\"", "\"text\"", "[]", "{}", "[1,[2,{}]]",
        R"({"a":{"b":[null,true]},"c":"\u00e9\ud83d\ude00\"\\\/"})", "18446744073709551616"}) {
    EXPECT_EQ(accepted(text), text);
  }
}

TEST(JsonParse, DropsWhiteSpaceAroundTheValueAndKeepsItInside) {
  EXPECT_EQ(accepted(" \t\r\n{ \"a\" : 1 }\n"), "{ \"a\" : 1 }");
  EXPECT_TRUE(Json::parse(" null ").value().is_null());
}

TEST(JsonParse, NamesTheByteWhereTheTextIsNotJson) {
  EXPECT_EQ(refusal(""), "byte 0: the text ends too early");
  EXPECT_EQ(refusal("   "), "byte 3: the text ends too early");
  EXPECT_EQ(refusal("{\"a\":1"), "byte 6: the text ends too early");
  EXPECT_EQ(refusal("[1,]"), "byte 3: unexpected character");
  EXPECT_EQ(refusal("{\"a\":1,}"), "byte 7: unexpected character");
  EXPECT_EQ(refusal("{'a':1}"), "byte 1: unexpected character");
  EXPECT_EQ(refusal("[NaN]"), "byte 1: unexpected character");
  EXPECT_EQ(refusal("// note\n1"), "byte 0: unexpected character");
  EXPECT_EQ(refusal("01"), "byte 1: text behind the value");
  EXPECT_EQ(refusal("[1] [2]"), "byte 4: text behind the value");
  EXPECT_EQ(refusal("{} x"), "byte 3: text behind the value");
  EXPECT_EQ(refusal(std::string_view("1\0", 2)), "byte 1: text behind the value");
  EXPECT_EQ(refusal("\"a\nb\""), "byte 2: unexpected control character");
  EXPECT_EQ(refusal("1e99999999999"), "byte 11: the exponent is too large");
  EXPECT_EQ(refusal("\xEF\xBB\xBF{}"), "byte 0: unexpected character");
}

TEST(JsonParse, RefusesTextThatIsNotUtf8) {
  EXPECT_EQ(refusal("\"\xFF\""), "byte 1: not valid UTF-8");
  EXPECT_EQ(refusal("\"a\xC3\""), "byte 2: not valid UTF-8");
  EXPECT_EQ(refusal("\"\xC0\xAF\""), "byte 1: not valid UTF-8");
  EXPECT_EQ(refusal("\"\xED\xA0\x80\""), "byte 1: not valid UTF-8");
  EXPECT_EQ(refusal("\"\xF4\x90\x80\x80\""), "byte 1: not valid UTF-8");
  EXPECT_EQ(refusal("{\"\xFF\":1}"), "byte 2: not valid UTF-8");
}

TEST(JsonParse, RefusesHalfASurrogatePair) {
  EXPECT_EQ(refusal(R"("\ud800\u0041")"), "byte 9: half of a surrogate pair");
  EXPECT_EQ(refusal(R"("\udc00")"), "byte 7: half of a surrogate pair");
  EXPECT_EQ(refusal(R"("\ud800")"), "byte 7: unexpected character");
}

TEST(JsonParse, RefusesADuplicateKeyWithItsPath) {
  EXPECT_EQ(refusal(R"({"a":1,"a":1})"), "/a: duplicate key");
  EXPECT_EQ(refusal(R"({"rows":[{},{"qty":1,"b":{},"qty":2}]})"), "/rows/1/qty: duplicate key");
  EXPECT_EQ(refusal(R"({"":1,"":2})"), "/: duplicate key");
}

TEST(JsonParse, SeesThatAnEscapedKeyIsTheSame) {
  EXPECT_EQ(refusal(R"({"ab":1,"\u0061b":2})"), R"(/\u0061b: duplicate key)");
  EXPECT_EQ(refusal(R"({"\u0061":1,"b":"\n","\u0061":2})"), R"(/\u0061: duplicate key)");
}

TEST(JsonParse, AcceptsTheSameKeyInDifferentObjects) {
  EXPECT_EQ(accepted(R"([{"a":{"a":1}},{"a":2}])"), R"([{"a":{"a":1}},{"a":2}])");
}

TEST(JsonParse, FindsTheFirstDuplicateAmongThousandsOfKeys) {
  std::string text = "{";
  for (int index = 0; index < 5000; ++index) text += "\"key" + std::to_string(index) + "\":1,";
  EXPECT_EQ(accepted(text + "\"last\":1}").size(), text.size() + 9);
  EXPECT_EQ(refusal(text + "\"key77\":1,\"key12\":1}"), "/key77: duplicate key");
}

TEST(JsonParse, LimitsTheDepthAndSaysWhere) {
  EXPECT_EQ(accepted(nested_arrays(json_depth_max)), nested_arrays(json_depth_max));
  const std::string message = refusal(nested_arrays(json_depth_max + 1));
  EXPECT_TRUE(message.starts_with("/0/0/0/")) << message;
  EXPECT_TRUE(message.ends_with("/0: deeper than 64 levels")) << message;
}

TEST(JsonParse, SurvivesAMillionBrackets) {
  EXPECT_TRUE(refusal(std::string(1'000'000, '[')).ends_with(": deeper than 64 levels"));
}

TEST(JsonParse, LimitsTheSize) {
  const std::string largest = "\"" + std::string(json_size_bytes_max - 2, 'x') + "\"";
  EXPECT_TRUE(Json::parse(largest).has_value());
  const Result<Json> larger = Json::parse(largest + " ");
  ASSERT_FALSE(larger.has_value());
  EXPECT_EQ(larger.error().code, ErrorCode::too_large);
  EXPECT_EQ(larger.error().message, "a JSON text has at most 16777216 bytes");
}

TEST(JsonParse, KeepsControlCharactersAndOverlongKeysOutOfMessages) {
  EXPECT_EQ(refusal("{\"\\u001b[31m\":1,\"\\u001b[31m\":2}"), "/\\u001b[31m: duplicate key");
  const std::string key = "\"" + std::string(1000, 'k') + "\"";
  EXPECT_EQ(refusal("{" + key + ":1," + key + ":2}"), "/" + std::string(128, 'k') + "...: duplicate key");
}

TEST(JsonDocument, GivesIntegersExactly) {
  detail::JsonDocument document;
  const std::string_view text =
      "[9223372036854775807,-9223372036854775808,18446744073709551615,9223372036854775808,"
      "18446744073709551616,-9223372036854775809,1.0,-0]";
  ASSERT_TRUE(document.read(text).has_value());
  std::vector<detail::JsonValue> values;
  for (const auto value : document.root().elements()) values.push_back(value);
  ASSERT_EQ(values.size(), 8U);
  EXPECT_EQ(values[0].int64(), INT64_MAX);
  EXPECT_EQ(values[1].int64(), INT64_MIN);
  EXPECT_EQ(values[1].uint64(), std::nullopt);
  EXPECT_EQ(values[2].int64(), std::nullopt);
  EXPECT_EQ(values[2].uint64(), UINT64_MAX);
  EXPECT_EQ(values[3].uint64(), 9223372036854775808U);
  for (std::size_t index : {4U, 5U}) {
    EXPECT_EQ(values[index].kind(), detail::JsonKind::integer);
    EXPECT_EQ(values[index].int64(), std::nullopt);
    EXPECT_EQ(values[index].uint64(), std::nullopt);
  }
  EXPECT_EQ(values[4].float64(), 18446744073709551616.0);
  EXPECT_EQ(values[6].kind(), detail::JsonKind::number);
  EXPECT_EQ(values[6].int64(), std::nullopt);
  EXPECT_EQ(values[7].int64(), 0);
}

TEST(JsonDocument, RoundsDecimalsToTheNearestDouble) {
  detail::JsonDocument document;
  ASSERT_TRUE(document
                  .read("[0.1,2.2250738585072011e-308,1.7976931348623157e308,9007199254740993.0,"
                        "5e-324,1e400,123456789012345678901234567890]")
                  .has_value());
  std::vector<std::optional<double>> values;
  for (const auto value : document.root().elements()) values.push_back(value.float64());
  const std::vector<std::optional<double>> expected{
      0.1,          2.2250738585072011e-308,         1.7976931348623157e308, 9007199254740992.0, 5e-324,
      std::nullopt, 123456789012345678901234567890.0};
  EXPECT_EQ(values, expected);
}

TEST(JsonDocument, GivesTheTextOfEachValueAsItWasWritten) {
  const std::string text = R"( { "a\n" : [ 1.50 , "x\"]}" , { } ] , "b":null,"c" : true ,"d":{"e":"\\"}} )";
  detail::JsonDocument document;
  ASSERT_TRUE(document.read(text).has_value());
  const detail::JsonValue root = document.root();
  EXPECT_EQ(root.text(), std::string_view(text).substr(1, text.size() - 2));
  EXPECT_EQ(root.size(), 4U);
  EXPECT_EQ(root.find("a\n")->text(), R"([ 1.50 , "x\"]}" , { } ])");
  EXPECT_EQ(root.find("b")->text(), "null");
  EXPECT_EQ(root.find("c")->text(), "true");
  EXPECT_EQ(root.find("d")->text(), R"({"e":"\\"})");
  EXPECT_EQ(root.find("d")->find("e")->string(), "\\");
  EXPECT_FALSE(root.find("e").has_value());
  std::vector<std::string> elements;
  for (const auto value : root.find("a\n")->elements()) elements.emplace_back(value.text());
  EXPECT_EQ(elements, (std::vector<std::string>{"1.50", R"("x\"]}")", "{ }"}));
}

TEST(JsonDocument, ResolvesEscapesAlsoInLongStrings) {
  const std::string filler(3000, 'f');
  detail::JsonDocument document;
  const std::string text = "[\"" + filler + "\\u00e9\\n" + filler + "\",\"\\ud83d\\ude00\\u0000z\",\"plain\"]";
  ASSERT_TRUE(document.read(text).has_value());
  std::vector<std::string> strings;
  for (const auto value : document.root().elements()) strings.emplace_back(value.string());
  ASSERT_EQ(strings.size(), 3U);
  EXPECT_EQ(strings[0], filler + "\u00e9\n" + filler);
  EXPECT_EQ(strings[1], std::string("\U0001F600\0z", 6));
  EXPECT_EQ(strings[2], "plain");
}

TEST(JsonDocument, TellsThePointerOfAValue) {
  detail::JsonDocument document;
  ASSERT_TRUE(document.read(R"({"x":[{"y":1},{"a":[[0]],"b/c~":{"d":5}}]})").has_value());
  const detail::JsonValue array = *document.root().find("x");
  auto element = array.elements().begin();
  ++element;
  EXPECT_EQ(document.root().pointer(), "");
  EXPECT_EQ((*element).pointer(), "/x/1");
  EXPECT_EQ((*element).find("b/c~")->find("d")->pointer(), "/x/1/b~1c~0/d");
}

TEST(JsonDocument, TakesADepthLimitOfItsCaller) {
  detail::JsonDocument deeper;
  EXPECT_TRUE(deeper.read(nested_arrays(70), {.depth = 70}).has_value());
  detail::JsonDocument too_deep;
  EXPECT_FALSE(too_deep.read(nested_arrays(71), {.depth = 70}).has_value());
}

}  // namespace
}  // namespace fanfold
