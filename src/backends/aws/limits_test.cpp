#include "backends/aws/limits.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace fanfold::aws {
namespace {

using namespace std::chrono_literals;
using std::chrono::days;

struct Wrong {
  std::function<void(SetupOptions&)> set{};
  std::string table = "fanfold";
  std::string bucket{};
  std::string message{};
};

std::string message_of(const Result<void>& checked) {
  if (checked) return {};
  EXPECT_EQ(checked.error().code, ErrorCode::invalid_argument) << "exit code 2";
  return checked.error().message;
}

TEST(SetupLimits, AreLookedAtBeforeAnythingIsMade) {
  const std::string table = "table: expected 3 to 255 letters, digits, '_', '-' and '.', got ";
  const std::string bucket =
      "bucket: expected 3 to 63 lower-case letters, digits, '-' and '.', a letter or digit at both ends, got ";
  const std::string queue = "a queue's name has at most 80 letters, digits, hyphens and underscores";
  const std::string visibility = "visibility: expected 0 s to 12 h";
  const std::string retention = "retention: expected 1 min to 14 days";
  const std::string receives = "redrive: expected 1 to 1,000 receives";
  const std::string long_name(76, 'q');
  const Wrong rows[] = {
      {.table = "wd", .message = table + "'wd'"},
      {.table = "/x/y", .message = table + "'/x/y'"},
      {.table = "a table", .message = table + "'a table'"},
      {.table = std::string(256, 't'), .message = table + "'" + std::string(255, 't') + "'"},
      {.bucket = "ab", .message = bucket + "'ab'"},
      {.bucket = "Jobs", .message = bucket + "'Jobs'"},
      {.bucket = "my_jobs", .message = bucket + "'my_jobs'"},
      {.bucket = "-jobs", .message = bucket + "'-jobs'"},
      {.bucket = "jobs.", .message = bucket + "'jobs.'"},
      {.bucket = "jobs..of", .message = bucket + "'jobs..of'"},
      {.bucket = std::string(64, 'b'), .message = bucket + "'" + std::string(64, 'b') + "'"},
      {.set = [](SetupOptions& options) { options.queue = "re size"; }, .message = queue},
      {.set = [](SetupOptions& options) { options.queue = ".fifo"; }, .message = queue},
      {.set = [](SetupOptions& options) { options.queue = std::string(81, 'q'); }, .message = queue},
      {.set = [&](SetupOptions& options) { options.queue = long_name; },
       .message =
           "the dead-letter queue's name would be " + long_name + "-dead, and a queue's has at most 80 characters"},
      {.set = [](SetupOptions& options) { options.visibility = -1s; }, .message = visibility},
      {.set = [](SetupOptions& options) { options.visibility = 12h + 1s; }, .message = visibility},
      {.set = [](SetupOptions& options) { options.retention = 59s; }, .message = retention},
      {.set = [](SetupOptions& options) { options.retention = days(20); }, .message = retention},
      {.set = [](SetupOptions& options) { options.receive_count_max = 0; }, .message = receives},
      {.set = [](SetupOptions& options) { options.receive_count_max = 1'001; }, .message = receives},
  };
  for (const Wrong& row : rows) {
    SetupOptions options{.store = {}, .queue = "resize"};
    if (row.set) row.set(options);
    EXPECT_EQ(message_of(check_setup(options, row.table, row.bucket)), row.message);
  }
}

TEST(SetupLimits, AreAllowedThemselves) {
  SetupOptions options{.store = {}, .queue = std::string(75, 'q')};
  for (const auto& [visibility, retention, receives] :
       {std::tuple<std::chrono::seconds, std::chrono::seconds, std::uint32_t>{0s, 1min, 1}, {12h, days(14), 1'000}}) {
    options.visibility = visibility;
    options.retention = retention;
    options.receive_count_max = receives;
    EXPECT_EQ(message_of(check_setup(options, "a_b", "a.b")), "");
    EXPECT_EQ(message_of(check_setup(options, std::string(255, '-'), std::string(63, 'b'))), "");
  }
  options.queue = "resize.fifo";
  EXPECT_EQ(message_of(check_setup(options, "fanfold", "")), "");
  EXPECT_EQ(dead_letter_queue_name(options.queue), "resize-dead.fifo");
}

TEST(StoreNames, MayBeWhatSetupDoesNotMake) {
  EXPECT_EQ(message_of(check_table_name("arn:aws:dynamodb:eu-central-1:123456789012:table/jobs")), "");
  EXPECT_EQ(message_of(check_bucket_name("Photos_of_2009")), "");
  EXPECT_EQ(message_of(check_bucket_name("jobs/photos")),
            "bucket: expected 3 to 63 lower-case letters, digits, '-' and '.', got 'jobs/photos'");
}

}  // namespace
}  // namespace fanfold::aws
