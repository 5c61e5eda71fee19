#include "aws_services.hpp"

#include "backends/aws/global_store.hpp"
#include "backends/aws/ledger.hpp"

namespace fanfold::simulation {

namespace {

constexpr std::string_view bucket_name = "bucket";

/// What the ports of one process have in common.
struct Connection {
  std::shared_ptr<AwsServices> services{};  // Shared with every other process.
  std::shared_ptr<testing::ManualClock> clock{};
  std::unique_ptr<aws::Table> faulty_table{};  // Empty in a process that no fault meets.
  std::unique_ptr<aws::ObjectStore> faulty_objects{};
  aws::Table* table = nullptr;
  aws::ObjectStore* objects = nullptr;
  std::unique_ptr<aws::Blobs> blobs{};
};

struct Connected {
  std::shared_ptr<Connection> connection;  // Shared by the ports of one process.
};

/// One thread runs all processes by turns: none may wait for another one.
class ConnectedLedger final : private Connected, public aws::AwsLedger {
 public:
  explicit ConnectedLedger(const std::shared_ptr<Connection>& to)
      : Connected{to}, AwsLedger(*to->table, *to->blobs, *to->clock, aws::Combining::none) {}
};

class ConnectedGlobals final : private Connected, public aws::AwsGlobalStore {
 public:
  explicit ConnectedGlobals(const std::shared_ptr<Connection>& to)
      : Connected{to}, AwsGlobalStore(*to->objects, std::string(bucket_name)) {}
};

}  // namespace

AwsServices::AwsServices(std::shared_ptr<testing::ManualClock> clock, const Options& options)
    : options_(options),
      clock_(std::move(clock)),
      services_{.table = testing_aws::MemoryTable({.hook = {},
                                                   .leaves_unprocessed = {},
                                                   .tells_what_is_there = options.tells_what_is_there,
                                                   .now = [clock = clock_.get()] { return clock->latest(); }})} {}

Backend AwsServices::ports(Backend memory, std::optional<testing::FaultyOptions> faults) {
  auto connection = std::make_shared<Connection>();
  connection->services = shared_from_this();
  connection->clock = clock_;
  std::shared_ptr<testing::FaultyProcess> process;  // Shared by the ports of one process.
  if (faults) {
    process = std::make_shared<testing::FaultyProcess>(*std::move(faults));
    connection->faulty_table = testing_aws::make_faulty_table(services_, process);
    connection->faulty_objects = testing_aws::make_faulty_objects(services_, process);
  }
  connection->table = process ? connection->faulty_table.get() : &services_.table;
  connection->objects = process ? connection->faulty_objects.get() : &services_.objects;
  connection->blobs = options_.has_bucket
                          ? aws::make_object_blobs(*connection->objects, std::string(bucket_name), *clock_)
                          : aws::make_item_blobs(*connection->table, *clock_);
  Backend backend = std::move(memory);
  backend.name = "aws";
  backend.ledger = std::make_unique<ConnectedLedger>(connection);
  backend.globals = std::make_unique<ConnectedGlobals>(connection);
  backend.bulk_count_max = aws::Pages::page_count_max;
  if (!process) return backend;
  backend.queue = testing::make_faulty_queue(std::move(backend.queue), process);
  backend.ledger =
      testing::make_faulty_ledger(std::move(backend.ledger), process, [clock = clock_] { return clock->now(); });
  backend.globals = testing::make_faulty_global_store(std::move(backend.globals), process);
  return backend;
}

}  // namespace fanfold::simulation
