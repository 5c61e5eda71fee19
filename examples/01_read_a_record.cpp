// Reading a delivered record, its message record, and the cluster that it is part of.
#include <fanfold/fanfold.hpp>
#include <fanfold/json.hpp>

#include <iostream>

struct Body {
  std::string data;
  double moreData;
};
struct MetaData {
  std::string stuff;
};
BOOST_DESCRIBE_STRUCT(Body, (), (data, moreData))
BOOST_DESCRIBE_STRUCT(MetaData, (), (stuff))

void process_message(const fanfold::Client& client, const fanfold::SqsRecord& record) {
  const auto message = client.read_sqs_record<Body, MetaData>(record).value();  // No I/O yet.

  const auto message_record = message.message_record().value();
  std::cout << message.body.data << " is " << to_string(message_record.status);

  if (message.task) {  // Only a task has a cluster.
    const auto message_cluster = message.message_cluster().value();
    std::cout << ", task " << *message.task << " of " << message_cluster.record.name << " ("
              << message_cluster.record.meta->stuff << ")";
  }
  std::cout << "\n";
}

int main() {
  const auto client = fanfold::open("01.db").value();
  const auto bodies = std::vector<Body>{{"one", 1}, {"two", 2}};
  client.create_message_cluster("samples", bodies, {.name = "numbers", .meta = MetaData{"some stuff"}}).value();
  for (const auto& record : client.receive("samples").value()) process_message(client, record);

  client.send_message("samples", Body{"three", 3}).value();  // A message of its own, part of no cluster.
  for (const auto& record : client.receive("samples").value()) process_message(client, record);
}
