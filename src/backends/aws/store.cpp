#include "backends/aws/store.hpp"

#include "backends/aws/global_store.hpp"
#include "backends/aws/ledger.hpp"
#include "backends/aws/limits.hpp"
#include "backends/aws/sqs_queue.hpp"

#include <condition_variable>
#include <mutex>

namespace fanfold::aws {
namespace {

constexpr std::string_view table_default = "fanfold";

/// Comes first and goes last in every port.
struct StoreOwner {
  std::shared_ptr<Store> store;  // Shared by the ports of one backend.
};

class OwningQueue final : private StoreOwner, public SqsQueue {
 public:
  explicit OwningQueue(std::shared_ptr<Store> from)
      : StoreOwner{std::move(from)},
        SqsQueue(*store->sqs, *store->clock, store->bucket_objects(), store->bucket, *store->usage) {}
};

class OwningLedger final : private StoreOwner, public AwsLedger {
 public:
  explicit OwningLedger(std::shared_ptr<Store> from)
      : StoreOwner{std::move(from)}, AwsLedger(*store->table, *store->blobs, *store->clock) {}
};

class OwningGlobalStore final : private StoreOwner, public AwsGlobalStore {
 public:
  explicit OwningGlobalStore(std::shared_ptr<Store> from)
      : StoreOwner{std::move(from)}, AwsGlobalStore(*store->objects, store->bucket) {}
};

class OwningClock final : private StoreOwner, public Clock {
 public:
  explicit OwningClock(std::shared_ptr<Store> from) : StoreOwner{std::move(from)} {}
  Time now() override { return store->clock->now(); }
  void sleep_until(Time time, std::stop_token stop) override { store->clock->sleep_until(time, std::move(stop)); }
};

std::optional<std::string> given(const std::string& text) { return text.empty() ? std::nullopt : std::optional(text); }

/// The environment as the options correct it: an endpoint of theirs is that of every service.
Variables corrected(const Options& options, const Variables& variables) {
  if (options.endpoint.empty()) return variables;
  return [endpoint = options.endpoint, variables](std::string_view name) -> std::optional<std::string> {
    constexpr std::string_view general = "AWS_ENDPOINT_URL";
    if (name == general) return endpoint;
    if (name.starts_with(general)) return std::nullopt;
    if (name == "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") return std::nullopt;
    return variables(name);
  };
}

}  // namespace

void AwsClock::sleep_until(Time time, std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  // The steady clock measures what is left: the service's time does not jump with the host's.
  while (!stop.stop_requested()) {
    const auto left = time - now();
    if (left <= left.zero()) return;
    never.wait_for(lock, stop, left, [] { return false; });
  }
}

Result<std::shared_ptr<Store>> open_store(const Options& options, const Variables& variables) {
  auto session = Session::open(corrected(options, variables),
                               {.profile = given(options.profile), .region = given(options.region)}, options.warn);
  if (!session) return std::move(session).error();
  auto store = std::make_shared<Store>();
  store->session = std::move(*session);
  store->usage = options.usage ? options.usage : std::make_shared<Usage>();
  store->table_name = given(options.table).value_or(variables("FANFOLD_TABLE").value_or(std::string(table_default)));
  store->bucket = given(options.bucket).value_or(variables("FANFOLD_BUCKET").value_or(std::string()));
  if (auto checked = check_table_name(store->table_name); !checked) return std::move(checked).error();
  if (!store->bucket.empty()) {
    if (auto checked = check_bucket_name(store->bucket); !checked) return std::move(checked).error();
  }
  for (const auto& [name, service] :
       {std::pair("sqs", &store->sqs), std::pair("dynamodb", &store->dynamodb), std::pair("s3", &store->s3)}) {
    auto opened = store->session->service(name, options.warn);
    if (!opened) return std::move(opened).error();
    *service = std::move(*opened);
  }
  store->clock = std::make_unique<AwsClock>(store->session->time());
  store->table =
      std::make_unique<DynamoDbTable>(*store->dynamodb, store->table_name, *store->usage, options.usage != nullptr);
  store->objects =
      std::make_unique<S3Objects>(*store->s3, store->session->config().s3_addressing_style(), *store->usage);
  store->blobs = store->bucket.empty() ? make_item_blobs(*store->table, *store->clock)
                                       : make_object_blobs(*store->objects, store->bucket, *store->clock);
  return store;
}

Result<Backend> open_backend(const Options& options) {
  auto store = open_store(options, process_variables());
  if (!store) return std::move(store).error();
  Backend backend;
  backend.queue = std::make_unique<OwningQueue>(*store);
  backend.ledger = std::make_unique<OwningLedger>(*store);
  backend.globals = std::make_unique<OwningGlobalStore>(*store);
  backend.clock = std::make_unique<OwningClock>(*store);
  backend.name = "aws";
  backend.batch_count_max = sqs_batch_count_max;
  backend.bulk_count_max = Pages::page_count_max;
  return backend;
}

}  // namespace fanfold::aws
