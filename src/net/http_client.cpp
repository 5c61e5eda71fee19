#include "net/http_client.hpp"

#include "net/ca_bundle.hpp"
#include "net/curl_transfer.hpp"
#include "support/assert.hpp"
#include "support/fork_count.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

namespace fanfold::net {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;
using std::chrono::milliseconds;

/// What libcurl is to be told: nothing where it finds the certificates itself.
std::string ca_bundle_of_this_machine() {
  const char* const found = libcurl().version_info(CURLVERSION_NOW)->cainfo;
  const std::string_view built_in = found == nullptr ? "" : found;
  std::string bundle =
      find_ca_bundle(built_in, [](const std::string& path) { return ::access(path.c_str(), R_OK) == 0; });
  return bundle == built_in ? std::string() : bundle;
}

milliseconds until(SteadyTime time, SteadyTime now) { return std::chrono::ceil<milliseconds>(time - now); }

/// TLS sessions and addresses that all channels share: a further connection to a known host needs no full handshake.
class Share {
 public:
  Share() : handle_(libcurl().share_init()) {
    if (handle_ == nullptr) throw std::bad_alloc();
    libcurl().share_setopt(handle_, CURLSHOPT_LOCKFUNC, &Share::lock);
    libcurl().share_setopt(handle_, CURLSHOPT_UNLOCKFUNC, &Share::unlock);
    libcurl().share_setopt(handle_, CURLSHOPT_USERDATA, this);
    libcurl().share_setopt(handle_, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    libcurl().share_setopt(handle_, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
  }
  Share(const Share&) = delete;
  Share& operator=(const Share&) = delete;
  ~Share() { libcurl().share_cleanup(handle_); }

  [[nodiscard]] CURLSH* handle() const noexcept { return handle_; }

 private:
  static void lock(CURL*, curl_lock_data data, curl_lock_access, void* self) noexcept {
    static_cast<Share*>(self)->mutexes_[static_cast<std::size_t>(data)].lock();
  }
  static void unlock(CURL*, curl_lock_data data, void* self) noexcept {
    static_cast<Share*>(self)->mutexes_[static_cast<std::size_t>(data)].unlock();
  }

  CURLSH* handle_;
  std::array<std::mutex, CURL_LOCK_DATA_LAST> mutexes_;
};

class OneExchange final : public ExchangeSource {
 public:
  explicit OneExchange(Exchange& exchange) : exchange_(&exchange) {}
  Exchange* next() override { return std::exchange(exchange_, nullptr); }
  [[nodiscard]] bool has_begun() const noexcept { return exchange_ == nullptr; }

 private:
  Exchange* exchange_;
};

/// A set of kept connections. Used by one thread at a time.
class Channel {
 public:
  explicit Channel(const CurlSettings& settings) : settings_(settings), multi_(libcurl().multi_init()) {
    if (multi_ == nullptr) throw std::bad_alloc();
  }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  /// Why exchanges ended early, or were not taken from the source; empty where all went to their own ends.
  std::optional<Error> run(ExchangeSource& source, const RunOptions& options, std::size_t in_flight_max);

 private:
  struct Delayed {
    SteadyTime due;
    Exchange* exchange;
  };

  [[nodiscard]] std::size_t in_flight_count() const noexcept { return busy_count_ + delayed_.size(); }
  [[nodiscard]] CurlTransfer& idle_transfer();
  [[nodiscard]] std::optional<Error> reason_to_end(const RunOptions& options) const;
  void start_delayed(const RunOptions& options);
  void start_more(ExchangeSource& source, const RunOptions& options, std::size_t in_flight_max);
  void start(Exchange& exchange, const RunOptions& options);
  [[nodiscard]] bool collect(const RunOptions& options);
  void finish(Exchange& exchange, HttpOutcome outcome, const RunOptions& options);
  void release(CurlTransfer& transfer);
  SteadyTime tell_slow();
  void wait(const RunOptions& options);
  void end_all(const Error& reason, const RunOptions& options);

  const CurlSettings& settings_;
  CurlMulti multi_;
  // Behind the multi handle, so that each is removed from it and destroyed first.
  std::vector<std::unique_ptr<CurlTransfer>> transfers_;
  std::vector<CurlTransfer*> idle_;
  std::vector<Delayed> delayed_;
  SteadyTime next_slow_at_ = SteadyTime::max();  // Not later than any transfer's slow_at.
  std::size_t busy_count_ = 0;
  bool is_exhausted_ = false;
};

std::optional<Error> Channel::run(ExchangeSource& source, const RunOptions& options, std::size_t in_flight_max) {
  const std::stop_callback wake(options.stop, [this] { libcurl().multi_wakeup(multi_.get()); });
  is_exhausted_ = false;
  // Room for the connections of all that is in flight. A call of one request closes none of those that a bulk call left
  // here: the next one needs them again.
  constexpr std::size_t kept_count_min = in_flight_max_default;
  libcurl().multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS,
                         static_cast<long>(std::max(2 * in_flight_max, kept_count_min)));
  while (true) {
    if (std::optional<Error> reason = reason_to_end(options)) {
      end_all(*reason, options);
      return reason;
    }
    start_delayed(options);
    start_more(source, options, in_flight_max);
    if (in_flight_count() == 0) return std::nullopt;
    int running = 0;
    const CURLMcode code = libcurl().multi_perform(multi_.get(), &running);
    FANFOLD_ASSERT(code == CURLM_OK, libcurl().multi_strerror(code));
    if (!collect(options)) wait(options);
  }
}

std::optional<Error> Channel::reason_to_end(const RunOptions& options) const {
  if (options.stop.stop_requested()) return Error{ErrorCode::cancelled, "stopped by the caller", {}};
  if (options.deadline && std::chrono::steady_clock::now() >= *options.deadline) {
    return Error{ErrorCode::deadline_exceeded, "the deadline ended before an answer came", {}};
  }
  return std::nullopt;
}

void Channel::start_delayed(const RunOptions& options) {
  if (delayed_.empty()) return;
  const SteadyTime now = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < delayed_.size();) {
    if (delayed_[i].due > now) {
      ++i;
      continue;
    }
    Exchange& exchange = *delayed_[i].exchange;
    delayed_[i] = delayed_.back();
    delayed_.pop_back();
    start(exchange, options);
  }
}

void Channel::start_more(ExchangeSource& source, const RunOptions& options, std::size_t in_flight_max) {
  while (!is_exhausted_ && in_flight_count() < in_flight_max) {
    Exchange* exchange = source.next();
    if (exchange == nullptr) {
      is_exhausted_ = true;
    } else {
      start(*exchange, options);
    }
  }
}

CurlTransfer& Channel::idle_transfer() {
  if (idle_.empty()) {
    transfers_.push_back(std::make_unique<CurlTransfer>(settings_));
    idle_.reserve(transfers_.size());
    idle_.push_back(transfers_.back().get());
  }
  CurlTransfer& transfer = *idle_.back();
  idle_.pop_back();
  return transfer;
}

void Channel::start(Exchange& exchange, const RunOptions& options) {
  const HttpRequest* request = exchange.begin(options);
  if (request == nullptr) return;
  CurlTransfer& transfer = idle_transfer();
  if (Result<void> prepared = transfer.prepare(*request, options.deadline); !prepared.has_value()) {
    idle_.push_back(&transfer);
    finish(exchange, {.error = std::move(prepared).error()}, options);
    return;
  }
  transfer.exchange = &exchange;
  if (request->slow_after > milliseconds(0)) {
    transfer.slow_at = std::chrono::steady_clock::now() + request->slow_after;
    next_slow_at_ = std::min(next_slow_at_, *transfer.slow_at);
  }
  const CURLMcode code = libcurl().multi_add_handle(multi_.get(), transfer.handle());
  FANFOLD_ASSERT(code == CURLM_OK, libcurl().multi_strerror(code));
  ++busy_count_;
}

bool Channel::collect(const RunOptions& options) {
  bool has_collected = false;
  int queued = 0;
  while (const CURLMsg* message = libcurl().multi_info_read(multi_.get(), &queued)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;
    CurlTransfer* transfer = nullptr;
    libcurl().easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
    Exchange& exchange = *transfer->exchange;
    has_collected = true;
    if (transfer->prepare_again(code)) {
      libcurl().multi_remove_handle(multi_.get(), transfer->handle());
      libcurl().multi_add_handle(multi_.get(), transfer->handle());
      continue;
    }
    HttpOutcome outcome = transfer->finish(code);
    release(*transfer);
    finish(exchange, std::move(outcome), options);
  }
  return has_collected;
}

void Channel::finish(Exchange& exchange, HttpOutcome outcome, const RunOptions& options) {
  const std::optional<milliseconds> delay = exchange.ended(std::move(outcome), options);
  if (delay) delayed_.push_back({std::chrono::steady_clock::now() + *delay, &exchange});
}

void Channel::release(CurlTransfer& transfer) {
  libcurl().multi_remove_handle(multi_.get(), transfer.handle());
  transfer.exchange = nullptr;
  transfer.slow_at.reset();
  idle_.push_back(&transfer);
  --busy_count_;
}

/// Answers when to look again. That is cheap while it is not due, since it is asked before every wait.
SteadyTime Channel::tell_slow() {
  if (next_slow_at_ == SteadyTime::max()) return next_slow_at_;
  const SteadyTime now = std::chrono::steady_clock::now();
  if (now < next_slow_at_) return next_slow_at_;
  SteadyTime next = SteadyTime::max();
  for (const std::unique_ptr<CurlTransfer>& transfer : transfers_) {
    if (!transfer->slow_at) continue;
    if (*transfer->slow_at > now) {
      next = std::min(next, *transfer->slow_at);
    } else {
      transfer->slow_at.reset();
      transfer->exchange->is_slow();
    }
  }
  next_slow_at_ = next;
  return next;
}

void Channel::wait(const RunOptions& options) {
  constexpr milliseconds wait_max{60'000};
  SteadyTime wake_at = SteadyTime::max();
  if (options.deadline) wake_at = *options.deadline;
  for (const Delayed& delayed : delayed_) wake_at = std::min(wake_at, delayed.due);
  wake_at = std::min(wake_at, tell_slow());
  milliseconds timeout = wait_max;
  if (wake_at != SteadyTime::max())
    timeout = std::clamp(until(wake_at, std::chrono::steady_clock::now()), milliseconds(0), wait_max);
  const CURLMcode code = libcurl().multi_poll(multi_.get(), nullptr, 0, static_cast<int>(timeout.count()), nullptr);
  FANFOLD_ASSERT(code == CURLM_OK, libcurl().multi_strerror(code));
}

void Channel::end_all(const Error& reason, const RunOptions& options) {
  for (const Delayed& waiting : std::exchange(delayed_, {}))
    static_cast<void>(waiting.exchange->ended({.error = reason}, options));
  for (const std::unique_ptr<CurlTransfer>& transfer : transfers_) {
    if (transfer->exchange == nullptr) continue;
    Exchange& exchange = *transfer->exchange;
    HttpOutcome outcome = transfer->abandon(reason);
    release(*transfer);
    static_cast<void>(exchange.ended(std::move(outcome), options));
  }
}

/// One attempt, its outcome kept as it is.
class SingleAttempt final : public Exchange {
 public:
  explicit SingleAttempt(const HttpRequest& request) : request_(request) {}
  const HttpRequest* begin(const RunOptions&) override { return &request_; }
  std::optional<milliseconds> ended(HttpOutcome outcome, const RunOptions&) override {
    outcome_ = std::move(outcome);
    return std::nullopt;
  }
  [[nodiscard]] HttpOutcome& outcome() { return outcome_; }

 private:
  const HttpRequest& request_;
  HttpOutcome outcome_;
};

}  // namespace

class HttpClient::Impl {
 public:
  explicit Impl(HttpClientOptions options) : options_(std::move(options)) {
    settings_ = {options_.ca_bundle.empty() ? ca_bundle_of_this_machine() : options_.ca_bundle,
                 "User-Agent: " + options_.user_agent, share_.handle()};
  }

  /// Made before this process was forked. Its connections are the parent's too, so that each would read answers to the
  /// other's requests; and its mutexes may be those of threads that are gone.
  [[nodiscard]] bool is_a_parents() const noexcept { return fork_count_ != support::fork_count(); }

  std::optional<Error> run(ExchangeSource& source, const RunOptions& options, std::size_t in_flight_max) {
    std::unique_ptr<Channel> channel = take();
    std::optional<Error> reason = channel->run(source, options, in_flight_max);
    put_back(std::move(channel));
    return reason;
  }

 private:
  /// The one used last: its connections are the freshest.
  std::unique_ptr<Channel> take() {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        std::unique_ptr<Channel> channel = std::move(idle_.back());
        idle_.pop_back();
        return channel;
      }
    }
    return std::make_unique<Channel>(settings_);
  }

  void put_back(std::unique_ptr<Channel> channel) {
    const std::lock_guard lock(mutex_);
    if (idle_.size() < options_.idle_channel_count_max) idle_.push_back(std::move(channel));
  }

  const std::uint64_t fork_count_ = support::fork_count();
  HttpClientOptions options_;
  Share share_;
  CurlSettings settings_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Channel>> idle_;  // guarded by mutex_
};

Result<void> HttpClient::usable() { return load_libcurl(); }

HttpClient::HttpClient(HttpClientOptions options) {
  if (load_libcurl().has_value()) impl_ = std::make_unique<Impl>(std::move(options));
}

HttpClient::~HttpClient() {
  // What ends a connection of TLS would tell the server so, and the parent goes on with it.
  if (impl_ && impl_->is_a_parents()) static_cast<void>(impl_.release());
}

std::optional<Error> HttpClient::unusable() const {
  if (!impl_) return load_libcurl().error();
  if (!impl_->is_a_parents()) return std::nullopt;
  return Error{ErrorCode::invalid_argument, "this process was forked after the store was opened: open it here too", {}};
}

void HttpClient::run(Exchange& exchange, const RunOptions& options) {
  if (auto error = unusable()) {
    static_cast<void>(exchange.ended({.error = std::move(*error)}, options));
    return;
  }
  OneExchange source(exchange);
  std::optional<Error> reason = impl_->run(source, options, 1);
  if (!source.has_begun()) static_cast<void>(exchange.ended({.error = std::move(reason)}, options));
}

void HttpClient::run(ExchangeSource& source, const RunOptions& options) {
  if (unusable()) {
    while (Exchange* exchange = source.next()) run(*exchange, options);
    return;
  }
  impl_->run(source, options, std::clamp(options.in_flight_max, std::size_t{1}, in_flight_limit));
}

Result<HttpResponse> HttpClient::send(const HttpRequest& request, const RunOptions& options) {
  SingleAttempt attempt(request);
  run(attempt, options);
  HttpOutcome& outcome = attempt.outcome();
  if (outcome.error) return std::move(*outcome.error);
  return std::move(outcome.response);
}

}  // namespace fanfold::net
