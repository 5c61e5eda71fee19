#include "cli/commands.hpp"
#include "cli/duration.hpp"
#include "cli/output.hpp"
#include "cli/queue_argument.hpp"
#include "cli/store.hpp"
#include "cli/text.hpp"
#include "support/queue_name.hpp"

#include <fmt/format.h>

namespace fanfold::cli {
namespace {

struct CreateOptions {
  std::string name;
  QueueAttributes attributes;
  std::string dead_letter_queue;
  std::uint32_t receives_max = 10;
};

struct QueueOptions {
  std::string name;
};

Result<ExitCode> create(const Invocation& invocation, const CreateOptions& options) {
  auto client = open_store(invocation.common, StoreUse::create);
  if (!client) return std::move(client).error();
  QueueAttributes attributes = options.attributes;
  attributes.fifo = support::is_fifo(options.name);
  if (!options.dead_letter_queue.empty())
    attributes.redrive = RedrivePolicy{options.dead_letter_queue, options.receives_max};
  auto url = client->create_queue(options.name, attributes);
  if (!url) return std::move(url).error();
  print_line(invocation.common.json ? JsonObject().text("queue", options.name).text("url", *url).line() : *url);
  return ExitCode::ok;
}

Result<ExitCode> list(const Invocation& invocation, const NoOptions&) {
  auto client = open_store(invocation.common, StoreUse::read);
  if (!client) return std::move(client).error();
  auto urls = client->queue_port().list();
  if (!urls) return std::move(urls).error();
  Table table({"QUEUE", "VISIBLE", "IN FLIGHT", "DELAYED"});
  for (const std::string& url : *urls) {
    const std::string name = queue_name_of(url);
    auto counts = client->queue_port().counts(url);
    if (!counts) return std::move(counts).error();
    if (invocation.common.json) {
      JsonObject object;
      object.text("queue", name).count("visible", counts->visible_count);
      print_line(object.count("in_flight", counts->in_flight_count).count("delayed", counts->delayed_count).line());
    } else {
      table.add({name, with_thousands(counts->visible_count), with_thousands(counts->in_flight_count),
                 with_thousands(counts->delayed_count)});
    }
  }
  table.print();
  if (urls->empty() && !invocation.common.json)
    note(is_on_aws(invocation.common) ? "there are no queues; fanfold setup aws --queue NAME makes one"
                                      : "there are no queues; fanfold queue create NAME makes one");
  return ExitCode::ok;
}

Result<ExitCode> stats(const Invocation& invocation, const QueueOptions& options) {
  auto client = open_store(invocation.common, StoreUse::read);
  if (!client) return std::move(client).error();
  auto url = existing_queue(invocation, *client, options.name);
  if (!url) return std::move(url).error();
  auto counts = client->queue_port().counts(*url);
  if (!counts) return std::move(counts).error();
  auto attributes = client->queue_port().attributes(*url);
  if (!attributes) return std::move(attributes).error();
  if (invocation.common.json) {
    JsonObject object;
    object.text("queue", options.name)
        .count("visible", counts->visible_count)
        .count("in_flight", counts->in_flight_count)
        .count("delayed", counts->delayed_count)
        .flag("fifo", attributes->fifo)
        .text("visibility", duration_text(attributes->visibility))
        .text("retention", duration_text(attributes->retention))
        .text("delay", duration_text(attributes->delay));
    if (counts->expired_count) object.count("expired", *counts->expired_count);
    if (attributes->redrive)
      object.text("dead_letter_queue", queue_name_of(attributes->redrive->dead_letter_queue))
          .count("max_receives", attributes->redrive->receive_count_max);
    print_line(object.line());
    return ExitCode::ok;
  }
  const auto line = [](std::string_view label, const std::string& value) {
    print_line(fmt::format("  {:<12} {}", label, value));
  };
  print_line(options.name);
  line("visible", with_thousands(counts->visible_count));
  line("in flight", with_thousands(counts->in_flight_count));
  line("delayed", with_thousands(counts->delayed_count));
  if (counts->expired_count.value_or(0) > 0)
    line("expired",
         with_thousands(*counts->expired_count) + " single messages that nobody handled within the retention");
  line("visibility", duration_text(attributes->visibility));
  line("retention", duration_text(attributes->retention));
  line("delay", duration_text(attributes->delay));
  if (attributes->fifo)
    line("order", attributes->content_based_deduplication ? "FIFO, deduplicated by content" : "FIFO");
  if (attributes->redrive)
    line("dead letters", fmt::format("to {} after {} receives", queue_name_of(attributes->redrive->dead_letter_queue),
                                     attributes->redrive->receive_count_max));
  return ExitCode::ok;
}

Result<ExitCode> purge(const Invocation& invocation, const QueueOptions& options) {
  auto client = open_store(invocation.common, StoreUse::write);
  if (!client) return std::move(client).error();
  auto url = existing_queue(invocation, *client, options.name);
  if (!url) return std::move(url).error();
  auto removed = client->queue_port().purge(*url);
  if (!removed) return std::move(removed).error();
  print_line(
      invocation.common.json
          ? JsonObject().text("queue", options.name).count("removed", *removed).line()
          : fmt::format("{}: {} removed; open tasks of clusters among them come back with fanfold cluster resume",
                        options.name, counted(*removed, "message", "messages")));
  return ExitCode::ok;
}

Result<ExitCode> redrive(const Invocation& invocation, const QueueOptions& options) {
  auto client = open_store(invocation.common, StoreUse::write);
  if (!client) return std::move(client).error();
  auto url = existing_queue(invocation, *client, options.name);
  if (!url) return std::move(url).error();
  auto moved = client->queue_port().redrive(*url);
  if (!moved) return std::move(moved).error();
  print_line(invocation.common.json
                 ? JsonObject().text("queue", options.name).count("moved", *moved).line()
                 : fmt::format("{}: {} moved back", options.name, counted(*moved, "message", "messages")));
  return ExitCode::ok;
}

void add_name(Command app, std::string& name) {
  app.option("queue", name, "Name of the queue", {.value = "QUEUE", .required = true});
}

}  // namespace

void add_queue_command(Command app, Invocation& invocation) {
  Command queue = app.group("queue", "Create, look at and empty queues");
  auto make = add_command<CreateOptions>(
      queue, invocation, "create", "Create a queue; nothing happens where one like it is there",
      "fanfold queue create resize --visibility 5m --dead-letter resize-dead --max-receives 10", create);
  add_name(make.app, make.options.name);
  make.app.duration("--visibility", make.options.attributes.visibility,
                    "A delivery is hidden from others so long; 0 to 12h (30s)");
  make.app.duration("--retention", make.options.attributes.retention, "An older message is gone; 1m to 14d (4d)");
  make.app.duration("--delay", make.options.attributes.delay, "A new message is invisible so long; 0 to 15m (0)");
  make.app.option("--dead-letter", make.options.dead_letter_queue, "Where messages go that were received too often",
                  {.value = "QUEUE"});
  make.app.option("--max-receives", make.options.receives_max, "How often that is",
                  {.value = "N", .show_default = true, .range = OptionTraits::Range{1, 1000}});
  make.app.flag("--content-based-deduplication", make.options.attributes.content_based_deduplication,
                "FIFO queues (names that end in .fifo) only");

  add_command<NoOptions>(queue, invocation, "ls", "Show all queues", "fanfold queue ls", list);
  auto one = add_command<QueueOptions>(queue, invocation, "stats", "Show one queue's counts and attributes",
                                       "fanfold queue stats resize", stats);
  add_name(one.app, one.options.name);
  add_queue_dead_command(queue, invocation);
  auto empty = add_command<QueueOptions>(queue, invocation, "purge", "Remove every message of a queue",
                                         "fanfold queue purge resize", purge);
  add_name(empty.app, empty.options.name);
  auto back =
      add_command<QueueOptions>(queue, invocation, "redrive", "Move what a dead-letter queue holds back to its source",
                                "fanfold queue redrive resize-dead", redrive);
  add_name(back.app, back.options.name);
}

}  // namespace fanfold::cli
