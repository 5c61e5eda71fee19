// What a Lambda function gets and answers: an event of records in, the ids of those that stay in the queue out.
#include <fanfold/fanfold.hpp>
#include <fanfold/json.hpp>

#include <iostream>

struct Order {
  int quantity;
};
BOOST_DESCRIBE_STRUCT(Order, (), (quantity))

fanfold::Outcome ship(const fanfold::Message<Order>& order, const fanfold::Context&) {
  if (order.body.quantity > 10) return fanfold::retry("not enough in stock");
  return fanfold::done();
}

int main() {
  const auto client = fanfold::open("08.db").value();
  client.send_message_batch("orders", std::vector<Order>{{3}, {11}, {1}}).value();

  const fanfold::SqsEvent event{
      .records = client.receive("orders").value()};  // Or SqsEvent::parse(text) in a runtime of your own.
  const auto response = client.process_batch(event, {.on_message = ship}).value();
  std::cout << event.records.size() << " records, " << response.batch_item_failures.size() << " stays\n"
            << response.to_json() << "\n";
}
