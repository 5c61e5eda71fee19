#include "testing_aws/faulty_call.hpp"

#include <numeric>

namespace fanfold::testing_aws {

using aws::Item;
using aws::ItemKey;
using aws::WriteAnswer;
using testing::Fault;
using testing::FaultyProcess;

namespace {

class FaultyTable final : public aws::Table {
 public:
  FaultyTable(ServicesInMemory& services, std::shared_ptr<FaultyProcess> process)
      : services_(services), table_(services.table), process_(std::move(process)) {}

  std::vector<Result<WriteAnswer>> update(std::span<const aws::UpdateRequest> requests) override {
    return each<WriteAnswer>(requests, [&](const aws::UpdateRequest& request) -> Result<WriteAnswer> {
      constexpr std::string_view name = "table.update";
      const auto write = [&table = table_](const aws::UpdateRequest& one) {
        return std::move(table.update(std::span(&one, 1)).front());
      };
      if (goes_astray(name, [write, request] { static_cast<void>(write(request).has_value()); }))
        return FaultyProcess::unavailable();
      return send(services_, *process_, name, [&] { return write(request); });
    });
  }

  std::vector<Result<WriteAnswer>> put(std::span<const aws::PutRequest> requests) override {
    return each<WriteAnswer>(requests, [&](const aws::PutRequest& request) -> Result<WriteAnswer> {
      constexpr std::string_view name = "table.put";
      const auto write = [&table = table_](const aws::PutRequest& one) {
        return std::move(table.put(std::span(&one, 1)).front());
      };
      if (conflicts(name)) return Error{ErrorCode::conflict, "a transaction on this item is under way", {}};
      if (goes_astray(name, [write, request] { static_cast<void>(write(request).has_value()); }))
        return FaultyProcess::unavailable();
      return send(services_, *process_, name, [&] { return write(request); });
    });
  }

  std::vector<Result<aws::QueryAnswer>> query(std::span<const aws::QueryRequest> requests) override {
    return each<aws::QueryAnswer>(requests, [&](const aws::QueryRequest& request) {
      constexpr std::string_view name = "table.query";
      return send(services_, *process_, name, [&] {
        const Lag lag(*this, request.consistency, name);
        aws::QueryRequest asked = request;
        // A page may end anywhere.
        if (process_->plan().strikes(Fault::partial, name) && asked.count_max != 1) asked.count_max = 1;
        return std::move(table_.query(std::span(&asked, 1)).front());
      });
    });
  }

  Result<std::optional<Item>> get(const ItemKey& key, Consistency consistency) override {
    constexpr std::string_view name = "table.get";
    return send(services_, *process_, name, [&] {
      const Lag lag(*this, consistency, name);
      return table_.get(key, consistency);
    });
  }

  Result<aws::BatchGetAnswer> batch_get(std::span<const ItemKey> keys, Consistency consistency) override {
    constexpr std::string_view name = "table.batch_get";
    return send(services_, *process_, name, [&]() -> Result<aws::BatchGetAnswer> {
      const Lag lag(*this, consistency, name);
      const std::size_t count = processed_count(name, keys.size());
      if (count == 0) return aws::BatchGetAnswer{{}, {keys.begin(), keys.end()}};
      auto answer = table_.batch_get(keys.first(count), consistency);
      if (answer) answer->unprocessed.insert(answer->unprocessed.end(), keys.begin() + offset(count), keys.end());
      return answer;
    });
  }

  Result<aws::BatchWriteRequest> batch_write(const aws::BatchWriteRequest& request) override {
    constexpr std::string_view name = "table.batch_write";
    if (goes_astray(name, [&table = table_, request] { static_cast<void>(table.batch_write(request).has_value()); }))
      return FaultyProcess::unavailable();
    return send(services_, *process_, name, [&]() -> Result<aws::BatchWriteRequest> {
      std::size_t room = processed_count(name, request.puts.size() + request.removes.size());
      aws::BatchWriteRequest some;
      aws::BatchWriteRequest rest;
      for (const Item& item : request.puts) (room > 0 && room-- > 0 ? some : rest).puts.push_back(item);
      for (const ItemKey& key : request.removes) (room > 0 && room-- > 0 ? some : rest).removes.push_back(key);
      if (some.puts.empty() && some.removes.empty()) return rest;
      auto written = table_.batch_write(some);
      if (!written) return written;
      return rest;
    });
  }

  Result<aws::TransactAnswer> transact(std::span<const aws::PutRequest> puts) override {
    constexpr std::string_view name = "table.transact";
    if (conflicts(name)) return aws::TransactAnswer{.refused = true};
    const std::vector<aws::PutRequest> kept(puts.begin(), puts.end());
    if (goes_astray(name, [&table = table_, kept] { static_cast<void>(table.transact(kept).has_value()); }))
      return FaultyProcess::unavailable();
    // Its token makes the same request succeed again, whatever became of the items since.
    bool is_made = false;
    return send(services_, *process_, name, [&]() -> Result<aws::TransactAnswer> {
      if (is_made) return aws::TransactAnswer{};
      auto answer = table_.transact(puts);
      is_made = answer && !answer->refused;
      return answer;
    });
  }

 private:
  /// The table lags for one read, sometimes.
  class Lag {
   public:
    Lag(FaultyTable& owner, Consistency consistency, std::string_view name) : table_(owner.table_) {
      testing::FaultPlan& plan = owner.process_->plan();
      if (consistency == Consistency::eventual && plan.strikes(Fault::stale_read, name))
        table_.set_lag(std::chrono::milliseconds(1 + plan.below(MemoryTable::lag_max.count())));
    }
    ~Lag() { table_.set_lag(std::chrono::milliseconds(0)); }
    Lag(const Lag&) = delete;
    Lag& operator=(const Lag&) = delete;

   private:
    MemoryTable& table_;
  };

  static std::ptrdiff_t offset(std::size_t count) { return static_cast<std::ptrdiff_t>(count); }

  template <class Answer, class Request, class One>
  std::vector<Result<Answer>> each(std::span<const Request> requests, One&& one) {
    std::vector<Result<Answer>> answers(requests.size(), FaultyProcess::unavailable());
    std::vector<std::size_t> order(requests.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[process_->plan().below(i)]);
    for (const std::size_t place : order) answers[place] = one(requests[place]);
    return answers;
  }

  /// How many entries of a batch the service takes.
  std::size_t processed_count(std::string_view name, std::size_t count) {
    return process_->plan().strikes(Fault::partial, name) ? process_->plan().below(count) : count;
  }

  bool conflicts(std::string_view name) { return !process_->dead() && process_->plan().strikes(Fault::conflict, name); }

  template <class Write>
  bool goes_astray(std::string_view name, Write&& write) {
    return is_late(services_, *process_, name, std::forward<Write>(write));
  }

  ServicesInMemory& services_;
  MemoryTable& table_;
  std::shared_ptr<FaultyProcess> process_;  // Shared by the ports of one process.
};

}  // namespace

std::unique_ptr<aws::Table> make_faulty_table(ServicesInMemory& services, std::shared_ptr<FaultyProcess> process) {
  return std::make_unique<FaultyTable>(services, std::move(process));
}

}  // namespace fanfold::testing_aws
