#include "aws/credentials.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <semaphore>
#include <thread>

namespace fanfold::aws {
namespace {

using namespace std::chrono;

const Time midnight = Time(sys_days(2026y / November / 24));

std::optional<Credentials> key(std::string id, std::optional<Time> expires_at = {}) {
  return Credentials{std::move(id), net::Secret("s"), net::Secret(), expires_at, false};
}

/// Answers what the test says.
class ScriptedProvider : public CredentialProvider {
 public:
  std::string name() const override { return "script"; }
  Result<std::optional<Credentials>> fetch(const net::RunOptions& options) override {
    ++fetch_count;
    return on_fetch(options);
  }
  std::function<Result<std::optional<Credentials>>(const net::RunOptions&)> on_fetch;
  std::atomic<int> fetch_count{0};
};

class CredentialSourceTest : public ::testing::Test {
 public:
  ScriptedProvider& add() {
    auto provider = std::make_unique<ScriptedProvider>();
    ScriptedProvider& reference = *provider;
    providers_.push_back(std::move(provider));
    return reference;
  }
  CredentialSource& source() {
    if (!source_) source_ = std::make_unique<CredentialSource>(std::move(providers_), [this] { return now.load(); });
    return *source_;
  }
  std::string id() { return source().get({}).value()->access_key_id; }
  std::string failure() { return to_string(source().get({}).error()); }

  std::atomic<Time> now{midnight};

 private:
  std::vector<std::unique_ptr<CredentialProvider>> providers_;
  std::unique_ptr<CredentialSource> source_;
};

TEST_F(CredentialSourceTest, TakesTheFirstProviderThatHasSome) {
  ScriptedProvider& first = add();
  ScriptedProvider& second = add();
  ScriptedProvider& third = add();
  first.on_fetch = [](auto&) { return std::optional<Credentials>(); };
  second.on_fetch = [](auto&) { return key("B"); };
  EXPECT_EQ(id(), "B");
  EXPECT_EQ(id(), "B");
  EXPECT_EQ(second.fetch_count, 1);
  EXPECT_EQ(third.fetch_count, 0);
}

TEST_F(CredentialSourceTest, SaysWhereItLooked) {
  add().on_fetch = [](auto&) { return std::optional<Credentials>(); };
  add().on_fetch = [](auto&) { return std::optional<Credentials>(); };
  EXPECT_EQ(failure(), "permission_denied: no credentials are configured; looked at: script, script");
}

TEST_F(CredentialSourceTest, EndsTheSearchWithAnError) {
  add().on_fetch = [](auto&) -> Result<std::optional<Credentials>> {
    return Error{ErrorCode::bad_input, "broken", {}};
  };
  ScriptedProvider& second = add();
  EXPECT_EQ(failure(), "bad_input: credentials from script: broken");
  EXPECT_EQ(second.fetch_count, 0);
}

TEST_F(CredentialSourceTest, RefreshesBeforeTheEnd) {
  ScriptedProvider& provider = add();
  provider.on_fetch = [&](auto&) { return key("A" + std::to_string(provider.fetch_count), now.load() + hours(1)); };
  EXPECT_EQ(id(), "A1");
  now = midnight + minutes(44);
  EXPECT_EQ(id(), "A1");
  now = midnight + minutes(46);
  EXPECT_EQ(id(), "A2");
}

TEST_F(CredentialSourceTest, DoesNotFetchForEveryCallWhereLivesAreShort) {
  ScriptedProvider& provider = add();
  provider.on_fetch = [&](auto&) { return key("A", now.load() + minutes(3)); };
  EXPECT_EQ(id(), "A");
  now = midnight + seconds(100);
  EXPECT_EQ(id(), "A");
  EXPECT_EQ(provider.fetch_count, 1);
}

TEST_F(CredentialSourceTest, GoesOnWithTheOldOnesWhileARefreshFails) {
  ScriptedProvider& provider = add();
  provider.on_fetch = [&](auto&) -> Result<std::optional<Credentials>> {
    if (provider.fetch_count > 1) return Error{ErrorCode::unavailable, "down", {}};
    return key("A", midnight + hours(1));
  };
  EXPECT_EQ(id(), "A");
  now = midnight + minutes(50);
  EXPECT_EQ(id(), "A");
  EXPECT_EQ(id(), "A");
  EXPECT_EQ(provider.fetch_count, 2) << "there is a pause between failed refreshes";
  now = midnight + minutes(59);
  EXPECT_EQ(id(), "A");
  EXPECT_EQ(provider.fetch_count, 3);
  now = midnight + minutes(60);
  EXPECT_EQ(failure(), "unavailable: credentials from script: down");
}

TEST_F(CredentialSourceTest, RefusesThoseThatHaveEndedUnlessTheyMayBeUsedOn) {
  ScriptedProvider& provider = add();
  bool may_outlive = false;
  provider.on_fetch = [&](auto&) {
    std::optional<Credentials> ended = key("A", midnight - minutes(1));
    ended->may_outlive_end = may_outlive;
    return ended;
  };
  EXPECT_EQ(failure(), "permission_denied: credentials from script: they have already ended");
  may_outlive = true;
  EXPECT_EQ(id(), "A");
  EXPECT_EQ(id(), "A");
  EXPECT_EQ(provider.fetch_count, 2);
  now = midnight + minutes(6);
  EXPECT_EQ(id(), "A");
  EXPECT_EQ(provider.fetch_count, 3);
}

TEST_F(CredentialSourceTest, FetchesOthersWhereAServiceRejectsThem) {
  ScriptedProvider& provider = add();
  provider.on_fetch = [&](auto&) { return key("A" + std::to_string(provider.fetch_count)); };
  const auto first = source().get({}).value();
  source().reject(first);
  EXPECT_EQ(id(), "A2");
  source().reject(first);
  EXPECT_EQ(id(), "A2") << "only those in use can be rejected";
}

TEST_F(CredentialSourceTest, LetsOneThreadFetchForAllThatWait) {
  ScriptedProvider& provider = add();
  std::binary_semaphore go{0};
  provider.on_fetch = [&](auto&) {
    go.acquire();
    return key("A");
  };
  std::vector<std::jthread> threads;
  std::atomic<int> right{0};
  source();
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] { right += id() == "A" ? 1 : 0; });
  }
  go.release();
  threads.clear();
  EXPECT_EQ(right, 8);
  EXPECT_EQ(provider.fetch_count, 1);
}

TEST_F(CredentialSourceTest, LetsOthersGoOnWhileOneThreadRefreshes) {
  ScriptedProvider& provider = add();
  std::binary_semaphore has_begun{0};
  std::binary_semaphore go{0};
  provider.on_fetch = [&](auto&) {
    if (provider.fetch_count == 1) return key("A1", midnight + hours(1));
    has_begun.release();
    go.acquire();
    return key("A2", now.load() + hours(1));
  };
  EXPECT_EQ(id(), "A1");
  now = midnight + minutes(50);
  std::jthread refresher([&] { EXPECT_EQ(id(), "A2"); });
  has_begun.acquire();
  EXPECT_EQ(id(), "A1");
  go.release();
  refresher.join();
  EXPECT_EQ(id(), "A2");
}

TEST_F(CredentialSourceTest, LetsAWaitingThreadBeStopped) {
  ScriptedProvider& provider = add();
  std::binary_semaphore has_begun{0};
  std::binary_semaphore go{0};
  provider.on_fetch = [&](auto&) {
    has_begun.release();
    go.acquire();
    return key("A");
  };
  source();
  std::jthread fetcher([&] { EXPECT_EQ(id(), "A"); });
  has_begun.acquire();
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(source().get({.stop = stop.get_token(), .deadline = {}}).error().code, ErrorCode::cancelled);
  EXPECT_EQ(source().get({.stop = {}, .deadline = steady_clock::now()}).error().code, ErrorCode::deadline_exceeded);
  go.release();
}

TEST_F(CredentialSourceTest, TriesAgainWhereTheThreadThatFetchedGaveUp) {
  ScriptedProvider& provider = add();
  std::binary_semaphore has_begun{0};
  std::binary_semaphore go{0};
  provider.on_fetch = [&](auto&) -> Result<std::optional<Credentials>> {
    if (provider.fetch_count > 1) return key("A2");
    has_begun.release();
    go.acquire();
    return Error{ErrorCode::cancelled, "stopped by the caller", {}};
  };
  source();
  std::jthread fetcher([&] { EXPECT_EQ(source().get({}).error().code, ErrorCode::cancelled); });
  has_begun.acquire();
  std::jthread waiter([&] { EXPECT_EQ(id(), "A2"); });
  go.release();
}

}  // namespace
}  // namespace fanfold::aws
