#pragma once

#include "backends/aws/item.hpp"

#include <fanfold/types.hpp>

#include <span>

/// The few operations of DynamoDB that the ledger needs, and no more. The real ones are in dynamodb_table.hpp.
namespace fanfold::aws {

/// All conditions that the ledger has are conjunctions of these.
struct Clause {
  enum class Kind : std::uint8_t { absent, exists, equals };
  std::string attribute{};
  Kind kind = Kind::absent;
  Value value{};  ///< equals

  [[nodiscard]] static Clause absent(std::string_view attribute) { return {std::string(attribute), Kind::absent, {}}; }
  [[nodiscard]] static Clause exists(std::string_view attribute) { return {std::string(attribute), Kind::exists, {}}; }
  [[nodiscard]] static Clause equals(std::string_view attribute, Value value) {
    return {std::string(attribute), Kind::equals, std::move(value)};
  }
};
using Condition = std::vector<Clause>;

/// UpdateItem. Creates the item where there is none.
struct UpdateRequest {
  ItemKey key{};
  std::vector<Member> set{};
  std::vector<Member> set_if_absent{};
  std::vector<std::string> remove{};
  Condition condition{};
  bool answers_item = true;  ///< Whether anybody wants to see the item after the update; it costs no units, but time.
};

/// PutItem: replaces the whole item.
struct PutRequest {
  Item item{};
  Condition condition{};
};

struct WriteAnswer {
  bool refused = false;  ///< The condition does not hold: nothing was written.
  /// The item after an update, where it was wanted. Where refused, the item that is there; empty where there is none,
  /// or where the service does not tell: then it has to be read.
  std::optional<Item> item{};
};

struct QueryRequest {
  enum class Index : std::uint8_t { table, clusters };  ///< `clusters` is the sparse index over headers.
  Index index = Index::table;
  std::string partition{};    ///< Of the index `clusters`: the shard.
  std::string sort_prefix{};  ///< With `table`: only sort keys that begin so. Empty: all.
  std::string sort_below{};   ///< Only sort keys less than this. Empty: all. Not beside `sort_prefix`.
  bool descending = false;
  std::size_t count_max = 0;                      ///< 0: as many as fit in one answer.
  std::optional<ItemKey> after{};                 ///< `QueryAnswer::next` of the page before.
  Consistency consistency = Consistency::strong;  ///< An index is always eventual.
};

struct QueryAnswer {
  std::vector<Item> items{};      ///< Of an index: what it projects.
  std::optional<ItemKey> next{};  ///< Empty on the last page.
};

struct TransactAnswer {
  bool refused = false;  ///< Nothing was written: a condition did not hold, or another transaction was in the way.
};

struct BatchGetAnswer {
  std::vector<Item> items{};  ///< Those that exist, in any order.
  std::vector<ItemKey> unprocessed{};
};

struct BatchWriteRequest {
  std::vector<Item> puts{};
  std::vector<ItemKey> removes{};
};

inline constexpr std::size_t batch_get_count_max = 100;
inline constexpr std::size_t batch_write_count_max = 25;
inline constexpr std::size_t transact_count_max = 100;

/// Thread-safe; calls block. Errors: throttled, unavailable (a write may have been applied), cancelled,
/// permission_denied, not_found (no such table), too_large, damaged.
class Table {
 public:
  virtual ~Table() = default;

  /// Many at once, in parallel and in no order; answers in the order of the requests.
  virtual std::vector<Result<WriteAnswer>> update(std::span<const UpdateRequest> requests) = 0;
  virtual std::vector<Result<WriteAnswer>> put(std::span<const PutRequest> requests) = 0;
  virtual std::vector<Result<QueryAnswer>> query(std::span<const QueryRequest> requests) = 0;

  virtual Result<std::optional<Item>> get(const ItemKey& key, Consistency consistency) = 0;
  /// At most `batch_get_count_max` different keys.
  virtual Result<BatchGetAnswer> batch_get(std::span<const ItemKey> keys, Consistency consistency) = 0;
  /// At most `batch_write_count_max` items; answers what is left to do.
  virtual Result<BatchWriteRequest> batch_write(const BatchWriteRequest& request) = 0;
  /// All or nothing. At most `transact_count_max`, all keys different.
  virtual Result<TransactAnswer> transact(std::span<const PutRequest> puts) = 0;
};

}  // namespace fanfold::aws
