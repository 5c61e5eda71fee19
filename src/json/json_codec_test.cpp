#include <fanfold/json.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <string>

namespace shop {

enum class Colour { red, green = 7, blue = -1 };
BOOST_DESCRIBE_ENUM(Colour, red, green, blue)

enum class Status : std::uint8_t { pre_flight, in_progress, complete };

struct Row {
  std::string sku;
  std::int32_t qty = 0;
  std::optional<double> price;
  friend bool operator==(const Row&, const Row&) = default;
};
BOOST_DESCRIBE_STRUCT(Row, (), (sku, qty, price))

struct Task {
  std::vector<Row> rows;
};
BOOST_DESCRIBE_STRUCT(Task, (), (rows))

struct Order {
  Task task;
};
BOOST_DESCRIBE_STRUCT(Order, (), (task))

struct Visit {
  fanfold::Time at{};
};
BOOST_DESCRIBE_STRUCT(Visit, (), (at))

struct Base {
  std::string name;
  int consumption_count = 0;
  friend bool operator==(const Base&, const Base&) = default;
};
BOOST_DESCRIBE_STRUCT(Base, (), (name, consumption_count))

struct Everything : Base {
  bool flag = false;
  std::int8_t tiny = 0;
  std::uint64_t huge = 0;
  std::int64_t negative = 0;
  float single = 0;
  double wide = 0;
  Colour colour = Colour::red;
  Status status = Status::pre_flight;
  std::optional<Row> row;
  std::vector<bool> bits;
  std::array<int, 2> pair_of_int{};
  std::pair<std::string, bool> named;
  std::tuple<int, std::string, std::vector<int>> mixed;
  std::map<std::string, Row> ordered;
  std::unordered_map<std::string, int> hashed;
  fanfold::Json raw;
  std::chrono::seconds wait{};
  std::vector<std::optional<int>> gaps;
  friend bool operator==(const Everything&, const Everything&) = default;
};
BOOST_DESCRIBE_STRUCT(Everything, (Base),
                      (flag, tiny, huge, negative, single, wide, colour, status, row, bits, pair_of_int, named, mixed,
                       ordered, hashed, raw, wait, gaps))

struct Tree {
  int value = 0;
  std::vector<Tree> children;
  friend bool operator==(const Tree&, const Tree&) = default;
};
BOOST_DESCRIBE_STRUCT(Tree, (), (value, children))

struct Nothing {};
BOOST_DESCRIBE_STRUCT(Nothing, (), ())

struct Undescribed {};

struct WithDefault {
  std::optional<int> limit = 5;
};
BOOST_DESCRIBE_STRUCT(WithDefault, (), (limit))

}  // namespace shop

template <>
struct fanfold::JsonNames<shop::Status> {
  static constexpr JsonEnumerator<shop::Status> names[] = {{shop::Status::pre_flight, "PRE FLIGHT"},
                                                           {shop::Status::in_progress, "IN PROGRESS"},
                                                           {shop::Status::complete, "COMPLETE"}};
};

template <>
struct fanfold::JsonNames<shop::Base> {
  static constexpr JsonMember names[] = {{"consumption_count", "consumtion_count"}};
};

template <>
struct fanfold::Codec<std::chrono::seconds> {
  static Json encode(std::chrono::seconds value) { return Codec<std::int64_t>::encode(value.count()); }
  static Result<std::chrono::seconds> decode(const Json& json) {
    return Codec<std::int64_t>::decode(json).transform([](std::int64_t count) { return std::chrono::seconds{count}; });
  }
};

namespace fanfold {
namespace {

using shop::Everything;
using shop::Order;
using shop::Row;
using shop::Visit;

template <class T>
T decoded(std::string_view text) {
  return Codec<T>::decode(Json::parse(text).value()).value();
}

template <class T>
std::string refusal(std::string_view text) {
  const Result<T> result = Codec<T>::decode(Json::parse(text).value());
  if (result.has_value()) return "accepted";
  EXPECT_EQ(result.error().code, ErrorCode::bad_input);
  return result.error().message;
}

template <class T>
std::string encode_refusal(const T& value) {
  try {
    return "accepted " + Codec<T>::encode(value).text();
  } catch (const ErrorException& exception) {
    EXPECT_EQ(exception.error().code, ErrorCode::invalid_argument);
    return exception.error().message;
  }
}

Everything example() {
  Everything value;
  value.name = "n\u00e4me \"quoted\"";
  value.consumption_count = 3;
  value.flag = true;
  value.tiny = -128;
  value.huge = UINT64_MAX;
  value.negative = INT64_MIN;
  value.single = 0.1F;
  value.wide = 0.1;
  value.colour = shop::Colour::blue;
  value.status = shop::Status::in_progress;
  value.row = Row{"s", 1, 2.5};
  value.bits = {true, false};
  value.pair_of_int = {1, 2};
  value.named = {"p", true};
  value.mixed = {1, "two", {3, 3, 3}};
  value.ordered = {{"a/b", {"x", 1, {}}}, {"c", {"y", 2, 0.5}}};
  value.hashed = {{"one", 1}};
  value.raw = Json::parse(R"({"kept": [1.00, 1e2]})").value();
  value.wait = std::chrono::seconds{90};
  value.gaps = {1, std::nullopt, 3};
  return value;
}

TEST(JsonCodec, WritesMembersInOrderWithTheBasesFirst) {
  EXPECT_EQ(Codec<Everything>::encode(example()).text(),
            "{\"name\":\"n\u00e4me \\\"quoted\\\"\",\"consumtion_count\":3,\"flag\":true,\"tiny\":-128,"
            "\"huge\":18446744073709551615,\"negative\":-9223372036854775808,\"single\":0.1,\"wide\":0.1,"
            "\"colour\":\"blue\",\"status\":\"IN PROGRESS\",\"row\":{\"sku\":\"s\",\"qty\":1,\"price\":2.5},"
            "\"bits\":[true,false],\"pair_of_int\":[1,2],\"named\":[\"p\",true],\"mixed\":[1,\"two\",[3,3,3]],"
            "\"ordered\":{\"a/b\":{\"sku\":\"x\",\"qty\":1},\"c\":{\"sku\":\"y\",\"qty\":2,\"price\":0.5}},"
            "\"hashed\":{\"one\":1},\"raw\":{\"kept\": [1.00, 1e2]},\"wait\":90,\"gaps\":[1,null,3]}");
}

TEST(JsonCodec, ReadsBackWhatItWrote) {
  EXPECT_EQ(Codec<Everything>::decode(Codec<Everything>::encode(example())).value(), example());
}

TEST(JsonCodec, ReadsKeysInAnyOrderAndIgnoresUnknownOnes) {
  EXPECT_EQ(decoded<Row>(R"({"new":{"qty":"x"},"price":1,"qty":2,"more":[],"sku":"s"})"), (Row{"s", 2, 1.0}));
}

TEST(JsonCodec, TakesAMissingOrNullOptionalAsEmpty) {
  EXPECT_EQ(decoded<Row>(R"({"sku":"s","qty":1})"), (Row{"s", 1, std::nullopt}));
  EXPECT_EQ(decoded<Row>(R"({"sku":"s","qty":1,"price":null})"), (Row{"s", 1, std::nullopt}));
  EXPECT_EQ(decoded<shop::WithDefault>("{}").limit, std::nullopt);
  EXPECT_EQ(Codec<shop::WithDefault>::encode({std::nullopt}).text(), "{}");
}

TEST(JsonCodec, NamesTheMissingField) {
  EXPECT_EQ(refusal<Order>(R"({"task":{"rows":[{"sku":"a","qty":1},{"sku":"b"}]}})"), "/task/rows/1/qty: missing");
  EXPECT_EQ(refusal<Order>("{}"), "/task: missing");
  EXPECT_EQ(refusal<shop::Base>(R"({"name":"n","consumption_count":1})"), "/consumtion_count: missing");
}

TEST(JsonCodec, NamesTheFieldOfTheWrongType) {
  const auto with_quantity = [](std::string_view quantity) {
    std::string text = R"({"task":{"rows":[{"sku":"","qty":0},{"sku":"","qty":0},{"sku":"","qty":0},{"sku":"","qty":)";
    return text + std::string(quantity) + "}]}}";
  };
  EXPECT_EQ(refusal<Order>(with_quantity("\"7\"")), "/task/rows/3/qty: expected integer, got string");
  EXPECT_EQ(refusal<Order>(with_quantity("1.5")), "/task/rows/3/qty: expected integer, got number");
  EXPECT_EQ(refusal<Order>(with_quantity("1.0")), "/task/rows/3/qty: expected integer, got number");
  EXPECT_EQ(refusal<Order>(with_quantity("1e2")), "/task/rows/3/qty: expected integer, got number");
  EXPECT_EQ(refusal<Order>(with_quantity("null")), "/task/rows/3/qty: expected integer, got null");
  EXPECT_EQ(refusal<Order>(with_quantity("true")), "/task/rows/3/qty: expected integer, got boolean");
  EXPECT_EQ(refusal<Order>(with_quantity("{}")), "/task/rows/3/qty: expected integer, got object");
  EXPECT_EQ(refusal<Order>(R"({"task":{"rows":{}}})"), "/task/rows: expected array, got object");
  EXPECT_EQ(refusal<Order>(R"({"task":[]})"), "/task: expected object, got array");
  EXPECT_EQ(refusal<Row>(R"({"sku":1,"qty":1})"), "/sku: expected string, got integer");
  EXPECT_EQ(refusal<Row>(R"({"sku":"","qty":1,"price":"1"})"), "/price: expected number, got string");
  EXPECT_EQ(refusal<std::vector<bool>>("[true,0]"), "/1: expected boolean, got integer");
}

TEST(JsonCodec, ShowsTheRootAsASlash) {
  EXPECT_EQ(refusal<Row>("7"), "/: expected object, got integer");
  EXPECT_EQ(refusal<int>("\"7\""), "/: expected integer, got string");
}

TEST(JsonCodec, RefusesIntegersThatDoNotFit) {
  EXPECT_EQ(refusal<Row>(R"({"sku":"","qty":99999999999})"),
            "/qty: expected integer from -2147483648 to 2147483647, got one out of range");
  EXPECT_EQ(refusal<std::uint8_t>("256"), "/: expected integer from 0 to 255, got one out of range");
  EXPECT_EQ(refusal<std::uint8_t>("-1"), "/: expected integer from 0 to 255, got one out of range");
  EXPECT_EQ(refusal<std::uint64_t>("18446744073709551616"),
            "/: expected integer from 0 to 18446744073709551615, got one out of range");
  EXPECT_EQ(refusal<std::int64_t>("9223372036854775808"),
            "/: expected integer from -9223372036854775808 to 9223372036854775807, got one out of range");
}

template <class Integer>
void expect_exact_limits() {
  using Limits = std::numeric_limits<Integer>;
  for (const Integer value : {Limits::min(), Integer{0}, Integer{1}, Limits::max()}) {
    const Json json = Codec<Integer>::encode(value);
    EXPECT_EQ(json.text(), std::to_string(value));
    EXPECT_EQ(Codec<Integer>::decode(json).value(), value);
  }
}

TEST(JsonCodec, KeepsTheLimitsOfEveryIntegerType) {
  expect_exact_limits<signed char>();
  expect_exact_limits<unsigned char>();
  expect_exact_limits<short>();
  expect_exact_limits<unsigned short>();
  expect_exact_limits<int>();
  expect_exact_limits<unsigned>();
  expect_exact_limits<long>();
  expect_exact_limits<unsigned long>();
  expect_exact_limits<long long>();
  expect_exact_limits<unsigned long long>();
}

TEST(JsonCodec, RefusesNumbersBeyondTheRangeOfTheType) {
  EXPECT_EQ(refusal<double>("1e400"), "/: expected number, got one out of range");
  EXPECT_EQ(refusal<float>("1e39"), "/: expected number, got one out of range");
  EXPECT_EQ(decoded<float>("1e-60"), 0.0F);
  EXPECT_EQ(decoded<double>("9007199254740993"), 9007199254740992.0);
}

TEST(JsonCodec, ListsTheNamesWhereAnEnumGotAnother) {
  EXPECT_EQ(refusal<shop::Colour>("\"Red\""), R"(/: expected one of "red", "green", "blue", got another string)");
  EXPECT_EQ(refusal<shop::Status>("\"pre_flight\""),
            R"(/: expected one of "PRE FLIGHT", "IN PROGRESS", "COMPLETE", got another string)");
  EXPECT_EQ(refusal<shop::Colour>("7"), "/: expected string, got integer");
  EXPECT_EQ(decoded<shop::Colour>("\"blue\""), shop::Colour::blue);
}

TEST(JsonCodec, WritesATimeAsItIsWrittenEverywhere) {
  const Time at = Time(std::chrono::sys_days{std::chrono::year{2026} / 11 / 24}) + std::chrono::milliseconds(5);
  EXPECT_EQ(Codec<Visit>::encode({at}).text(), R"({"at":"2026-11-24T00:00:00.005Z"})");
  EXPECT_EQ(decoded<Visit>(R"({"at":"2026-11-24T00:00:00.005Z"})").at, at);
  EXPECT_EQ(decoded<Visit>(R"({"at":"2026-11-24T00:00:00Z"})").at, at - std::chrono::milliseconds(5));
  EXPECT_EQ(refusal<Visit>(R"({"at":1})"), "/at: expected string, got integer");
  EXPECT_EQ(refusal<Visit>(R"({"at":"yesterday"})").substr(0, 5), "/at: ");
  EXPECT_EQ(encode_refusal(Visit{Time::max()}), "/at: a time outside of the years 0 to 9999 has no JSON form");
}

TEST(JsonCodec, WantsTuplesOfTheRightSize) {
  EXPECT_EQ((refusal<std::pair<int, int>>("[1]")), "/: expected array of 2, got one of 1");
  EXPECT_EQ((refusal<std::array<int, 2>>("[1,2,3]")), "/: expected array of 2, got one of 3");
  EXPECT_EQ((refusal<std::tuple<int, std::string>>("[1,2]")), "/1: expected string, got integer");
  EXPECT_EQ((decoded<std::tuple<>>("[]")), std::tuple<>{});
}

TEST(JsonCodec, EscapesKeysOfMapsInPaths) {
  EXPECT_EQ((refusal<std::map<std::string, int>>(R"({"a/b~\n":"x"})")), R"(/a~1b~0\n: expected integer, got string)");
}

TEST(JsonCodec, PutsThePathBeforeErrorsOfOtherCodecs) {
  EXPECT_EQ(refusal<std::vector<std::chrono::seconds>>("[1,\"2\"]"), "/1: expected integer, got string");
}

TEST(JsonCodec, RefusesToWriteWhatHasNoJsonForm) {
  EXPECT_EQ(encode_refusal(std::vector<Row>{{"", 1, 1.0}, {"", 1, std::nan("")}}),
            "/1/price: a number that is not finite has no JSON form");
  EXPECT_EQ(encode_refusal(Row{"\xFF", 1, {}}), "/sku: not valid UTF-8");
  EXPECT_EQ(encode_refusal(std::vector<shop::Colour>{shop::Colour::red, static_cast<shop::Colour>(3)}),
            "/1: a value that is no enumerator has no JSON form");
}

TEST(JsonCodec, RefusesToWriteMoreThanReadersTake) {
  EXPECT_THROW(Codec<std::string>::encode(std::string(json_size_bytes_max, 'x')), ErrorException);
  shop::Tree tree;
  for (int level = 0; level < 31; ++level) tree = shop::Tree{level, {tree}};
  EXPECT_EQ(Codec<shop::Tree>::decode(Codec<shop::Tree>::encode(tree)).value(), tree);
  for (int level = 0; level < 5; ++level) tree = shop::Tree{level, {tree}};
  EXPECT_NE(encode_refusal(tree).find("deeper than 64 levels"), std::string::npos);
}

TEST(JsonCodec, RefusesTextThatIsNotJsonAlthoughSomebodyVouchedForIt) {
  const Result<Row> row = Codec<Row>::decode(Json::from_valid_text("{\"sku\":"));
  ASSERT_FALSE(row.has_value());
  EXPECT_EQ(row.error().message, "byte 7: the text ends too early");
}

TEST(JsonCodec, CoversAnEmptyStructAndTheRootsOfContainers) {
  EXPECT_EQ(Codec<shop::Nothing>::encode({}).text(), "{}");
  EXPECT_TRUE(Codec<shop::Nothing>::decode(Json::parse(R"({"x":1})").value()).has_value());
  EXPECT_EQ(Codec<std::optional<int>>::encode(std::nullopt).text(), "null");
  EXPECT_EQ(decoded<std::optional<int>>("null"), std::nullopt);
  EXPECT_EQ(decoded<std::optional<int>>("4"), 4);
}

static_assert(Encodable<Row> && Decodable<Row>);
static_assert(Encodable<std::vector<Row>> && Decodable<std::map<std::string, int>>);
static_assert(Encodable<Json> && Decodable<Json>);
static_assert(Encodable<std::chrono::seconds>);
static_assert(!Encodable<shop::Undescribed> && !Decodable<shop::Undescribed>);
static_assert(!Encodable<char> && !Encodable<const char*> && !Encodable<std::string_view>);
static_assert(!Encodable<bool> && !Decodable<bool>);

}  // namespace
}  // namespace fanfold
