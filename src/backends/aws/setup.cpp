#include "aws/base64.hpp"
#include "aws/md5.hpp"
#include "aws/xml.hpp"
#include "backends/aws/behaviour.hpp"
#include "backends/aws/keys.hpp"
#include "backends/aws/limits.hpp"
#include "backends/aws/sqs_queue.hpp"
#include "backends/aws/store.hpp"
#include "backends/aws/table_calls.hpp"
#include "support/queue_name.hpp"

#include <utility>

namespace fanfold::aws {
namespace {

constexpr std::chrono::minutes table_wait_max{5};
constexpr std::chrono::seconds table_poll_pause{1};
constexpr std::chrono::days dead_letter_retention{14};
constexpr std::uint32_t receive_count_advised = 10;
constexpr int pages_kept_days = 400;
constexpr int payloads_kept_days = 15;
constexpr std::string_view first_region = "us-east-1";

class Setup {
 public:
  Setup(const SetupOptions& options, Store& store)
      : options_(options),
        store_(store),
        queue_(*store.sqs, *store.clock, store.bucket_objects(), store.bucket, *store.usage),
        trial_table_(*store.dynamodb, store.table_name, trial_usage_, false),
        trial_objects_(*store.s3, store.session->config().s3_addressing_style(), trial_usage_) {}

  Result<SetupReport> run() {
    if (auto checked = check_setup(options_, store_.table_name, store_.bucket); !checked)
      return std::move(checked).error();
    if (auto all = make_all(); !all) return with_what_was_made(std::move(all).error());
    return std::move(report_);
  }

 private:
  Result<void> make_all() {
    if (auto made = make_table(); !made) return made;
    make_ttl();
    if (auto tried = try_table(); !tried) return tried;
    if (!store_.bucket.empty()) {
      if (auto made = make_bucket(); !made) return made;
      if (auto tried = try_bucket(); !tried) return tried;
    }
    if (!options_.queue.empty()) return make_queues();
    return {};
  }

  /// There is no report then, and who took a wrong region, or account, wants to know what to remove there.
  [[nodiscard]] Error with_what_was_made(Error error) const {
    std::string_view before = "; made before that: ";
    for (const SetupResource& resource : report_.resources) {
      if (resource.state != SetupResource::State::made) continue;
      error.message += std::string(std::exchange(before, ", ")) + resource.name;
    }
    return error;
  }

  void made(std::string name) {
    report_.resources.push_back({std::move(name), SetupResource::State::made, {}});
    ++report_.made_count;
  }
  void there(std::string name) { report_.resources.push_back({std::move(name), SetupResource::State::there, {}}); }
  void warn(std::string name, std::string detail) {
    report_.resources.push_back({std::move(name), SetupResource::State::warning, std::move(detail)});
    ++report_.warning_count;
  }

  /// Nothing is left of fanfold's promises where conditions are not kept: that is an error, and no warning.
  Result<void> insist(const std::string& line, const Result<Flaw>& found, std::string_view remedy) {
    if (found && found->empty()) return {};
    if (!found && is_retryable(found.error().code)) return found.error();
    if (!found && found.error().code == ErrorCode::permission_denied) {
      warn(line, "its conditional writes could not be tried: " + found.error().message);
      return {};
    }
    const std::string what = found ? *found : found.error().message;
    return Error{
        ErrorCode::invalid_argument,
        line + ": the server does not do conditional writes as documented: " + what + ". " + std::string(remedy),
        found ? std::string() : found.error().remote_detail};
  }

  /// AWS does what it documents; of other servers what matters most is tried.
  Result<void> try_table() {
    if (!store_.dynamodb->options().endpoint.is_custom) return {};
    const std::string line = "table " + store_.table_name;
    auto kept = insist(line, try_conditional_items(trial_table_, store_.clock->now()),
                       "Tasks would be lost or counted twice; use another server for DynamoDB");
    if (!kept) return kept;
    const auto flaw = try_transactions(trial_table_, store_.clock->now());
    if (!flaw || !flaw->empty())
      warn("transactions of " + line,
           "without them no tasks can be added to open clusters: " + (flaw ? *flaw : flaw.error().message));
    return {};
  }

  Result<void> try_bucket() {
    if (!store_.s3->options().endpoint.is_custom) return {};
    const std::string line = "bucket " + store_.bucket;
    const auto found = try_conditional_objects(trial_objects_, store_.bucket);
    if (found && !found->empty() && options_.accepts_lost_updates) {
      warn(line, *found + ": updates of globals by several processes at once get lost");
    } else if (auto kept = insist(line, found,
                                  "Updates of globals by several processes at once would get lost. Use another server "
                                  "for S3; or no bucket: then there are no globals, and payloads stay in the table; or "
                                  "--accept-lost-updates, where one process at a time writes globals");
               !kept) {
      return kept;
    }
    const auto flaw = try_metadata(trial_objects_, store_.bucket);
    if (!flaw || !flaw->empty())
      warn("objects of " + line,
           "an update of globals whose answer got lost may be applied twice: " + (flaw ? *flaw : flaw.error().message));
    return {};
  }

  Result<void> make_table() {
    const std::string line = "table " + store_.table_name;
    DescribeTableCall look(*store_.dynamodb, store_.table_name);
    store_.dynamodb->run(look, {});
    if (!look.answer().error) {
      if (auto checked = check_table(look); !checked) return checked;
      there(line);
      if (options_.warm_write_units > 0)
        warn("warm throughput of " + line, "is for a new table: this one is there and stays as it is");
      return wait_for_table();
    }
    if (look.answer().error->code != ErrorCode::not_found) return *look.answer().error;
    CreateTableCall create(*store_.dynamodb, store_.table_name, options_.warm_write_units);
    store_.dynamodb->run(create, {});
    // Somebody else's set-up at the same time, or a lost answer of this one.
    const bool is_there_now = create.answer().error && create.answer().error->code == ErrorCode::already_exists;
    if (create.answer().error && !is_there_now) return *create.answer().error;
    if (auto waited = wait_for_table(); !waited) return waited;
    made(line);
    return {};
  }

  Result<void> check_table(const DescribeTableCall& table) const {
    const auto schema = [](std::string_view partition, std::string_view sort) {
      return std::string(partition) + ":HASH " + std::string(sort) + ":RANGE";
    };
    const bool is_ours = table.keys == schema(partition_name, sort_name) &&
                         table.index_keys == schema(index_partition_name, index_sort_name);
    if (is_ours) return {};
    return Error{ErrorCode::already_exists,
                 "table " + store_.table_name + " is there and is none of fanfold's: its key or its index " +
                     std::string(index_name) + " is another",
                 {}};
  }

  Result<void> wait_for_table() {
    const Time until = store_.clock->now() + table_wait_max;
    while (true) {
      DescribeTableCall look(*store_.dynamodb, store_.table_name);
      store_.dynamodb->run(look, {});
      const bool is_unknown_yet = look.answer().error && look.answer().error->code == ErrorCode::not_found;
      if (look.answer().error && !is_unknown_yet) return *look.answer().error;
      const bool is_ready =
          !is_unknown_yet && look.status == "ACTIVE" && (look.index_status.empty() || look.index_status == "ACTIVE");
      if (is_ready) return check_table(look);
      if (store_.clock->now() >= until)
        return Error{ErrorCode::deadline_exceeded, "table " + store_.table_name + " does not become active", {}};
      store_.clock->sleep_until(store_.clock->now() + table_poll_pause, {});
    }
  }

  /// Everything works without it but expiry: an account that may not set it, or a server that cannot, is warned.
  void make_ttl() {
    const std::string line = "time to live of table " + store_.table_name;
    DescribeTtlCall look(*store_.dynamodb, store_.table_name);
    store_.dynamodb->run(look, {});
    if (look.answer().error) {
      warn(line, "cannot be read: " + look.answer().error->message);
      return;
    }
    if (look.status == "ENABLED" || look.status == "ENABLING") {
      if (look.attribute == ttl_name)
        there(line);
      else
        warn(line, "it is by the attribute " + look.attribute + " and not by " + std::string(ttl_name) +
                       ", so that nothing expires");
      return;
    }
    EnableTtlCall enable(*store_.dynamodb, store_.table_name);
    store_.dynamodb->run(enable, {});
    if (enable.answer().error)
      warn(line, "cannot be set, so that nothing expires: " + enable.answer().error->message);
    else
      made(line);
  }

  Result<ServiceRequest> bucket_request(std::string_view operation, std::string_view method) const {
    auto address =
        bucket_address(store_.s3->options().endpoint, store_.bucket, store_.session->config().s3_addressing_style());
    if (!address) return std::move(address).error();
    ServiceRequest request;
    request.operation = operation;
    request.method = method;
    request.path = address->url.path.empty() ? "/" : "";
    request.url = std::move(address->url);
    return request;
  }

  Result<void> make_bucket() {
    const std::string line = "bucket " + store_.bucket;
    auto look = bucket_request("HeadBucket", "HEAD");
    if (!look) return std::move(look).error();
    Call head(*store_.s3, std::move(*look));
    store_.s3->run(head, {});
    const int status = head.answer().response.status;
    if (!head.answer().error) {
      there(line);
    } else if (status == 404) {
      if (auto created = create_bucket(); !created) return created;
      made(line);
    } else if (status == 403) {
      return Error{ErrorCode::permission_denied, line + " is somebody else's, or may not be looked at",
                   head.answer().error->remote_detail};
    } else if (status == 301) {
      return Error{ErrorCode::invalid_argument,
                   line + " is in another region than " + store_.session->region() + ", where the table is",
                   head.answer().error->remote_detail};
    } else {
      return *head.answer().error;
    }
    return make_lifecycle();
  }

  Result<void> create_bucket() {
    auto request = bucket_request("CreateBucket", "PUT");
    if (!request) return std::move(request).error();
    const std::string& region = store_.session->region();
    if (region != first_region) {
      request->body =
          "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><LocationConstraint>" +
          xml_escaped(region) + "</LocationConstraint></CreateBucketConfiguration>";
    }
    Call call(*store_.s3, std::move(*request));
    store_.s3->run(call, {});
    if (!call.answer().error || call.answer().service_code == "BucketAlreadyOwnedByYou") return {};
    return *call.answer().error;
  }

  /// What no cluster's removal took away goes in time: payloads of messages after the longest retention, all else after
  /// the longest life.
  Result<void> make_lifecycle() {
    const std::string line = "lifecycle of bucket " + store_.bucket;
    auto look = bucket_request("GetBucketLifecycleConfiguration", "GET");
    if (!look) return std::move(look).error();
    look->query = "lifecycle=";
    Call get(*store_.s3, std::move(*look));
    store_.s3->run(get, {});
    if (!get.answer().error) {
      const auto document = XmlDocument::parse(get.answer().response.body);
      if (document && document->find("Rule"))
        there(line);
      else  // It answers another question: gofakes3 lists the bucket.
        warn(line, "the server does not tell it, so that nobody knows whether anything expires");
      return {};
    }
    if (get.answer().service_code != "NoSuchLifecycleConfiguration") {
      warn(line, "cannot be read: " + get.answer().error->message);
      return {};
    }
    auto request = bucket_request("PutBucketLifecycleConfiguration", "PUT");
    if (!request) return std::move(request).error();
    request->query = "lifecycle=";
    const auto rule = [](std::string_view id, std::string_view prefix, int days) {
      return "<Rule><ID>" + std::string(id) + "</ID><Filter><Prefix>" + std::string(prefix) +
             "</Prefix></Filter><Status>Enabled</Status><Expiration><Days>" + std::to_string(days) +
             "</Days></Expiration></Rule>";
    };
    request->body = "<LifecycleConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">" +
                    rule("fanfold-payloads", "fanfold-payloads/", payloads_kept_days) +
                    rule("fanfold-clusters", key_prefix, pages_kept_days) + "</LifecycleConfiguration>";
    std::string digest;
    append_base64(digest, md5_bytes(request->body));
    request->headers.add("Content-MD5", digest);
    Call put(*store_.s3, std::move(*request));
    store_.s3->run(put, {});
    if (put.answer().error) {
      warn(line, "cannot be set: " + put.answer().error->message);
      return {};
    }
    made(line);
    return {};
  }

  Result<void> make_queues() {
    const std::string line = "queue " + options_.queue;
    auto url = queue_.resolve(options_.queue);
    if (url) {
      auto attributes = queue_.attributes(*url);
      if (!attributes) return std::move(attributes).error();
      return check_queue(line, *attributes);
    }
    if (url.error().code != ErrorCode::not_found) return std::move(url).error();
    const bool fifo = support::is_fifo(options_.queue);
    const std::string dead_name = dead_letter_queue_name(options_.queue);
    QueueAttributes dead;
    dead.fifo = fifo;
    dead.retention = dead_letter_retention;
    auto dead_url = queue_.create(dead_name, dead);
    if (!dead_url) return std::move(dead_url).error();
    made("dead-letter queue " + dead_name);
    QueueAttributes attributes;
    attributes.fifo = fifo;
    attributes.visibility = options_.visibility;
    attributes.retention = options_.retention;
    attributes.redrive = RedrivePolicy{*dead_url, options_.receive_count_max};
    auto made_url = queue_.create(options_.queue, attributes);
    if (!made_url) return std::move(made_url).error();
    made(line);
    warn_of_few_receives(line, options_.receive_count_max);
    return {};
  }

  /// Whether it did.
  bool warn_of_few_receives(const std::string& line, std::uint32_t receive_count_max) {
    if (receive_count_max >= receive_count_advised) return false;
    warn(line, "its messages go to the dead-letter queue after " + std::to_string(receive_count_max) +
                   (receive_count_max == 1 ? " receive" : " receives") +
                   "; receives are no attempts, at least 10 are advised");
    return true;
  }

  /// What was asked for and is otherwise: only a queue that is made takes it.
  void compare(const std::string& line, const QueueAttributes& attributes) {
    const SetupOptions defaults;
    const auto differs = [&](const char* what, std::chrono::seconds is, std::chrono::seconds asked, bool is_asked) {
      if (is_asked && is != asked)
        warn(line, std::string(what) + " is " + std::to_string(is.count()) + " s, not " +
                       std::to_string(asked.count()) + " s: a queue that is there is left alone");
    };
    const auto seconds = [](auto time) { return std::chrono::floor<std::chrono::seconds>(time); };
    differs("its visibility", seconds(attributes.visibility), seconds(options_.visibility),
            options_.visibility != defaults.visibility);
    differs("its retention", seconds(attributes.retention), seconds(options_.retention),
            options_.retention != defaults.retention);
    if (attributes.redrive && options_.receive_count_max != defaults.receive_count_max &&
        attributes.redrive->receive_count_max != options_.receive_count_max) {
      warn(line, "its messages go to the dead-letter queue after " +
                     std::to_string(attributes.redrive->receive_count_max) + " receives, not " +
                     std::to_string(options_.receive_count_max) + ": a queue that is there is left alone");
    }
  }

  Result<void> check_queue(const std::string& line, const QueueAttributes& attributes) {
    compare(line, attributes);
    if (!attributes.redrive) {
      warn(line,
           "it has no dead-letter queue, so that a message that nobody can process is delivered until its "
           "retention ends");
      return {};
    }
    if (!warn_of_few_receives(line, attributes.redrive->receive_count_max)) there(line);
    const std::string& dead_url = attributes.redrive->dead_letter_queue;
    const std::string dead_line = "dead-letter queue " + dead_url.substr(dead_url.rfind('/') + 1);
    auto dead = queue_.attributes_or(dead_url, {.retention = dead_letter_retention});
    if (!dead && dead.error().code == ErrorCode::not_found) {
      warn(dead_line, "it is not there, though " + line + " names it; fanfold queue create makes it");
      return {};
    }
    if (!dead) return std::move(dead).error();
    if (dead->retention <= attributes.retention) {
      warn(dead_line,
           "it keeps messages no longer than the queue itself, and their age counts from the first send: "
           "14 days are advised");
    } else {
      there(dead_line);
    }
    return {};
  }

  const SetupOptions& options_;
  Store& store_;
  SqsQueue queue_;
  Usage trial_usage_;  ///< Trials are none of the store's use.
  DynamoDbTable trial_table_;
  S3Objects trial_objects_;
  SetupReport report_;
};

}  // namespace

Result<SetupReport> setup(const SetupOptions& options) {
  auto store = open_store(options.store, process_variables());
  if (!store) return std::move(store).error();
  return Setup(options, **store).run();
}

}  // namespace fanfold::aws
