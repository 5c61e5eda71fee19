#include "cli/config_file.hpp"
#include "support/test_directory.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include <unistd.h>

namespace fanfold::cli {
namespace {

class ConfigFile : public ::testing::Test {
 protected:
  Result<void> read(const std::string& text) {
    std::ofstream(file()) << text;
    return read_config_file(
        file(), [this](const char* name) { return variable(name); }, options_);
  }
  [[nodiscard]] std::filesystem::path file() const { return folder_ / config_file_name; }
  [[nodiscard]] std::optional<std::string> variable(std::string_view name) const {
    return name == variable_name_ ? std::optional<std::string>("eu-north-1") : std::nullopt;
  }

  const support::TestDirectory folder_;
  std::string variable_name_;
  CommonOptions options_;
};

TEST_F(ConfigFile, ThatIsNotThereSaysNothing) {
  ASSERT_TRUE(read_config_file(
                  file(), [](const char*) { return std::nullopt; }, options_)
                  .has_value());
  EXPECT_EQ(options_.store, "fanfold.db");
}

TEST_F(ConfigFile, SaysWhereTheStoreIs) {
  const auto read_all = read(
      "# ours\nstore = \"aws\"\ntable='jobs'\n\nbucket = \"photos\"  # with the globals\nregion = \"eu-west-1\"\n");
  ASSERT_TRUE(read_all.has_value()) << read_all.error().message;
  EXPECT_EQ(options_.store, "aws");
  EXPECT_EQ(options_.table, "jobs");
  EXPECT_EQ(options_.bucket, "photos");
  EXPECT_EQ(options_.region, "eu-west-1");
}

TEST_F(ConfigFile, WantsAQuoteAtBothEnds) {
  const auto refused = read("store = \"a\n");
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().message.find("store: its value begins with a quote"), std::string::npos);
}

TEST_F(ConfigFile, LeavesTheRegionToTheEnvironment) {
  for (const char* name : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
    variable_name_ = name;
    ASSERT_TRUE(read("region = \"eu-west-1\"\n").has_value());
    EXPECT_EQ(options_.region, "");
  }
}

TEST_F(ConfigFile, WithAnUnknownKeyIsRefusedByItsName) {
  for (const char* text : {"tabel = \"jobs\"\n", "[aws]\ntable = \"jobs\"\n", "this is no toml\n"}) {
    const auto refused = read(text);
    ASSERT_FALSE(refused.has_value()) << text;
    EXPECT_EQ(refused.error().code, ErrorCode::bad_input);
    EXPECT_NE(refused.error().message.find("is no key of it"), std::string::npos) << refused.error().message;
  }
  EXPECT_NE(read("tabel = \"jobs\"\n").error().message.find("'tabel'"), std::string::npos);
  EXPECT_NE(read("[aws]\ntable = \"jobs\"\n").error().message.find("aws.table"), std::string::npos);
}

TEST_F(ConfigFile, IsRefusedByTheLineThatIsWrong) {
  const std::string begin = "# ours\n\nstore = \"a\"\n";
  const std::pair<const char*, const char*> wrong[] = {
      {"store = \"b\"\n", "fanfold.toml:4: store is given more than once"},
      {"table = \"a\"\nstore = \"b\"\n", "fanfold.toml:5: store is given more than once"},
      {"  tabel = \"jobs\"\n", "fanfold.toml:4: 'tabel' is no key of it"},
      {"[aws]\ntable = \"jobs\"\n", "fanfold.toml:4: 'aws.table' is no key of it"},
      {"this is no toml\n", "fanfold.toml:4: 'this is no toml' is no key of it"},
      {"x\n", "fanfold.toml:4: 'x' is no key and value"},
      {"\n#\n  [x\r\n", "fanfold.toml:6: '[x' is no key and value"},
      {"durability=some\n", "fanfold.toml:4: durability: expected full or normal"},
      {"table = [\"a\", \"b\"]\n", "fanfold.toml:4: table: expected one value"}};
  for (const auto& [text, message] : wrong) {
    const auto refused = read(begin + text);
    ASSERT_FALSE(refused.has_value()) << text;
    EXPECT_NE(refused.error().message.find(message), std::string::npos) << refused.error().message;
  }
}

TEST_F(ConfigFile, WithAWrongValueIsRefused) {
  for (const char* text : {"table = [\"a\", \"b\"]\n", "table = \"\"\n", "durability = \"some\"\n"})
    EXPECT_FALSE(read(text).has_value()) << text;
}

TEST_F(ConfigFile, OfAnySizeIsReadUpToALimit) { EXPECT_FALSE(read(std::string(70'000, '#')).has_value()); }

}  // namespace
}  // namespace fanfold::cli
