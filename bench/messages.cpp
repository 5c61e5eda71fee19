// Single messages: 32 callers that each send one and wait; then 32 that take and process one by one.
#include "bench.hpp"

#include "backends/sqlite/statistics.hpp"

#include <fanfold/json.hpp>

#include <atomic>
#include <thread>

namespace bench {

namespace {

using fanfold::sqlite::Durability;

constexpr std::size_t caller_count = 32;

void in_parallel(std::size_t count, const std::function<void(std::size_t)>& body) {
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < count; ++i) threads.emplace_back([&body, i] { body(i); });
}

/// Commits since `before`, per 1,000 of `count`.
double commits_per_thousand(std::uint64_t before, std::uint64_t count) {
  const std::uint64_t commits = fanfold::sqlite::statistics.commit_count.load() - before;
  return static_cast<double>(commits) * 1'000 / static_cast<double>(count);
}

void run_single(Durability durability, const Scale& scale, const Report& report) {
  Folder folder;
  const auto client = fanfold::sqlite::open({.file = folder / "bench.db", .durability = durability}).value();
  const auto each = scale.of(100'000) / caller_count;
  const auto count = each * caller_count;

  std::atomic<std::uint64_t> refused = 0;
  std::uint64_t commits_before = fanfold::sqlite::statistics.commit_count;
  const Stopwatch sending;
  in_parallel(caller_count, [&](std::size_t caller) {
    for (std::uint64_t i = 0; i < each; ++i) {
      if (!client.send_message("bench", body_of(caller * each + i)).has_value()) refused.fetch_add(1);
    }
  });
  const std::string name = "single_" + to_string(durability);
  report({name + "_send",
          static_cast<double>(count) / sending.seconds(),
          "messages/s",
          {{"sent", static_cast<double>(count)}, {"refused", static_cast<double>(refused)}}});
  report({name + "_send_commits", commits_per_thousand(commits_before, count), "commits/1000", {}});

  std::atomic<std::uint64_t> completed = 0;
  commits_before = fanfold::sqlite::statistics.commit_count;
  const Stopwatch processing;
  in_parallel(caller_count, [&](std::size_t) {
    for (;;) {
      const auto records = client.receive("bench", {.count_max = 1, .wait = std::chrono::milliseconds(0)}).value();
      if (records.empty()) return;
      const auto claim = client.is_complete(records.front()).value();
      if (claim.state != fanfold::ClaimState::claimed) continue;
      client.mark_complete(claim).value();
      completed.fetch_add(1);
    }
  });
  report({name + "_process",
          static_cast<double>(count) / processing.seconds(),
          "messages/s",
          {{"completed", static_cast<double>(completed)}}});
  report({name + "_process_commits", commits_per_thousand(commits_before, count), "commits/1000", {}});
}

/// How long a claim takes at a small and at a large backlog.
void run_flatness(const Scale& scale, const Report& report) {
  std::map<std::string, double> at;
  for (const std::uint64_t backlog : {std::uint64_t{1'000}, scale.of(1'000'000)}) {
    Folder folder;
    const auto client = fanfold::sqlite::open({.file = folder / "bench.db", .durability = Durability::normal}).value();
    client.create_message_cluster("bench", bodies(backlog)).value();
    std::vector<double> samples;
    for (int i = 0; i < 500; ++i) {
      const Stopwatch one;
      const auto records = client.receive("bench", {.count_max = 1, .wait = std::chrono::milliseconds(0)}).value();
      client.is_complete(records.at(0)).value();
      samples.push_back(one.seconds() * 1e6);
    }
    at[backlog == 1'000 ? "small" : "large"] = percentile(samples, 0.99);
  }
  report({"claim_p99_backlog_1k", at["small"], "us", {}});
  report({"claim_p99_backlog_1m", at["large"], "us", {}});
  report({"claim_p99_ratio", at["large"] / at["small"], "x", {}});
}

}  // namespace

std::vector<Benchmark> message_benchmarks() {
  return {
      {"single_full", "single messages, 32 callers, synchronous=FULL",
       [](const Scale& scale, const Report& report) { run_single(Durability::full, scale, report); }},
      {"single_normal", "single messages, 32 callers, synchronous=NORMAL",
       [](const Scale& scale, const Report& report) { run_single(Durability::normal, scale, report); }},
      {"claim_p99", "receive and claim one task at a backlog of 1k and of 1M", run_flatness},
  };
}

}  // namespace bench
