#pragma once

#include <fanfold/codec.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fanfold {

/// A point in UTC, to the millisecond; stored as ISO 8601, e.g. "2026-11-24T09:30:00.000Z".
using Time = std::chrono::sys_time<std::chrono::milliseconds>;

[[nodiscard]] std::string to_iso8601(Time time);
/// Errors: bad_input.
[[nodiscard]] Result<Time> parse_iso8601(std::string_view text);

/// Every key starts with this; what follows is the id.
inline constexpr std::string_view key_prefix = "SQSMessage$";

/// Names a record. A message has the same p_key and r_key; a task has its cluster's p_key and an r_key that ends
/// in its index (`SQSMessage$<cluster>#<index>`). Where only the cluster matters, the p_key alone will do, and a
/// task's own r_key given alone works too.
struct MessageKey {
  std::string p_key{};
  std::string r_key{};

  MessageKey() = default;
  MessageKey(std::string key) : p_key(std::move(key)), r_key(p_key) {}  // NOLINT(google-explicit-constructor)
  MessageKey(const char* key) : MessageKey(std::string(key)) {}         // NOLINT(google-explicit-constructor)
  MessageKey(std::string partition, std::string range) : p_key(std::move(partition)), r_key(std::move(range)) {}

  [[nodiscard]] static MessageKey of_message(std::string_view id);  ///< Also the key of a cluster.
  [[nodiscard]] static MessageKey of_task(std::string_view cluster_id, std::uint64_t index);

  friend bool operator==(const MessageKey&, const MessageKey&) = default;
};

/// What a key says once it is taken apart.
struct KeyParts {
  std::string id{};                      ///< Of the message, or of the cluster.
  std::optional<std::uint64_t> index{};  ///< Of the task, where the key names one.
};
/// Accepts keys with or without the prefix, as the command line takes them. Errors: bad_input.
[[nodiscard]] Result<KeyParts> parse_key(const MessageKey& key);

enum class RecordType : std::uint8_t { cluster, task, message };
enum class Status : std::uint8_t { pre_flight, in_progress, complete, error };
enum class StatusCode : std::uint16_t { pre_flight = 0, in_progress = 100, complete = 200, error = 400, stopped = 500 };

/// The stored names: "cluster", "PRE FLIGHT", …
[[nodiscard]] std::string_view to_string(RecordType type) noexcept;
[[nodiscard]] std::string_view to_string(Status status) noexcept;
[[nodiscard]] std::optional<RecordType> record_type_from(std::string_view stored_name) noexcept;
[[nodiscard]] std::optional<Status> status_from(std::string_view stored_name) noexcept;

/// Strong reads see every acknowledged write; eventual ones may lag by a second and cost half on DynamoDB.
/// On the embedded engine both are strong.
enum class Consistency : std::uint8_t { eventual, strong };

/// Where the globals of a cluster are. Carried in every task's message, so that they can be read without the record.
struct BucketParams {
  std::string bucket{};
  std::string key{};  ///< "<pKey>-globals.json"

  friend bool operator==(const BucketParams&, const BucketParams&) = default;
};

/// One entry of a record's `error` list.
struct ErrorEntry {
  std::uint32_t attempt = 0;  ///< Which attempt failed; 0 where no attempt was made.
  std::string code{};         ///< An ErrorCode's name, or "exit 65", "signal 11", as `fanfold errors` shows them.
  std::string message{};
  std::string fingerprint{};  ///< 8 hex digits; equal for messages that differ only in numbers, ids and paths.
  Time at{};
  bool final = false;  ///< True on the entry that failed the record for good.

  friend bool operator==(const ErrorEntry&, const ErrorEntry&) = default;
};

/// Any encodable value as an option: `{.meta = MetaData{"stuff"}}`.
class Encoded {
 public:
  Encoded() = default;
  template <class T>
  // NOLINTNEXTLINE(google-explicit-constructor)
  requires(!std::same_as<T, Encoded>) Encoded(const T& value) : json_(encode(value)) {}

  [[nodiscard]] bool has_value() const noexcept { return json_.has_value(); }
  [[nodiscard]] const std::optional<Json>& json() const noexcept { return json_; }

 private:
  template <class T>
  static Json encode(const T& value) {
    static_assert(Encodable<T>,
                  "no Codec for this type: describe it (BOOST_DESCRIBE_STRUCT) and include <fanfold/json.hpp>");
    return Codec<T>::encode(value);
  }
  std::optional<Json> json_;
};

}  // namespace fanfold
