#pragma once

#include "backends/aws/item.hpp"

#include <fanfold/detail/json_reader.hpp>

#include <condition_variable>
#include <cstdint>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace fanfold::test {

/// What went through a meter. Units of DynamoDB are counted twice: as the server said, and by the rules that the
/// service publishes, from the sizes of the items before and after.
/// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
struct MeterCounts {
  std::map<std::string, std::uint64_t> requests{};  ///< By "sqs SendMessageBatch", "dynamodb UpdateItem", "s3 PUT".
  double write_units_by_server = 0;
  double write_units_by_size = 0;    ///< Of what was applied, index entries included.
  double refused_units_by_size = 0;  ///< Of failed conditions, which are charged too; no server tells.
  double read_units_by_server = 0;   ///< MiniStack: a flat unit per read.
  double read_units_by_size = 0;
  std::uint64_t write_count = 0;  ///< Items written.
  std::size_t item_bytes_max = 0;
  std::string largest_item{};
  double busiest_item_units = 0;  ///< Write units of the item that took most of them.
  std::string busiest_item{};

  /// Requests whose name begins so.
  [[nodiscard]] std::uint64_t requests_of(std::string_view service) const {
    std::uint64_t sum = 0;
    for (const auto& [name, count] : requests) sum += name.starts_with(service) ? count : 0;
    return sum;
  }
  [[nodiscard]] double write_units() const { return write_units_by_size + refused_units_by_size; }
};

/// A proxy between fanfold and a server that stands in for AWS, on a port of its own. Counts each request that arrives.
/// Thread-safe.
class AwsMeter {
 public:
  /// `upstream`: "http://127.0.0.1:4566".
  explicit AwsMeter(const std::string& upstream);
  ~AwsMeter();
  AwsMeter(const AwsMeter&) = delete;
  AwsMeter& operator=(const AwsMeter&) = delete;

  [[nodiscard]] std::string endpoint() const { return "http://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] MeterCounts counts() const;
  /// Counts anew; what it knows of items stays.
  void reset();

 private:
  struct Known {
    std::size_t bytes = 0;
    std::string listed{};  ///< Its entry in the index; empty where it has none.
  };

  void accept_all();
  void serve(int client);
  /// Answers the operation of DynamoDB that it is, if it is one.
  std::string count(std::string_view head);
  void note(std::string_view operation, const std::string& request, int status, const std::string& response);
  void note_dynamodb(std::string_view operation, detail::JsonValue request, int status, detail::JsonValue response);
  void note_reads(std::string_view operation, detail::JsonValue request, detail::JsonValue response);
  void note_batch_get(detail::JsonValue request, detail::JsonValue response);
  void note_write(std::string_view operation, detail::JsonValue request, int status, detail::JsonValue response);
  void note_item(const aws::Item& after, double factor);
  void note_removal(const aws::ItemKey& key);
  void charge(const aws::ItemKey& key, std::size_t bytes, double factor);

  std::uint16_t upstream_port_ = 0;
  std::uint16_t port_ = 0;
  int listener_ = -1;
  std::thread acceptor_;
  mutable std::mutex mutex_;
  std::condition_variable ended_;
  bool is_over_ = false;    // Guarded by mutex_, as all below.
  std::list<int> sockets_;  // Of connections that are served, each by a thread of its own.
  MeterCounts counts_;
  std::map<aws::ItemKey, Known> known_;
  std::map<aws::ItemKey, double> units_;
};

}  // namespace fanfold::test
