#include "serve/request_parser.hpp"

#include "serve/target.hpp"
#include "support/letter_case.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

namespace fanfold::serve {

namespace http = boost::beast::http;

namespace {
constexpr std::uint32_t header_bytes_max = 16 * 1024;
}

std::string Request::header(const std::string& lower_case_name) const {
  const auto found = headers.find(lower_case_name);
  return found == headers.end() ? std::string() : found->second;
}

std::string Request::parameter(const std::string& name) const {
  const auto found = query.find(name);
  return found == query.end() ? std::string() : found->second;
}

struct RequestParser::Parser : http::request_parser<http::string_body> {};

RequestParser::RequestParser(std::size_t body_bytes_max) : parser_(std::make_unique<Parser>()) {
  parser_->header_limit(header_bytes_max);
  parser_->body_limit(body_bytes_max);
}
RequestParser::~RequestParser() = default;

std::size_t RequestParser::put(std::string_view bytes) {
  boost::beast::error_code error;
  std::size_t used = 0;
  if (!parser_->is_header_done()) {
    parser_->eager(false);  // A body is not begun before its header was looked at.
    used = parser_->put(boost::asio::buffer(bytes.data(), bytes.size()), error);
    if (!error && parser_->is_header_done() && is_refused_by_header()) return used;
    bytes.remove_prefix(used);
  }
  if (!error && parser_->is_header_done() && !parser_->is_done()) {
    parser_->eager(true);
    used += parser_->put(boost::asio::buffer(bytes.data(), bytes.size()), error);
  }
  if (error == http::error::body_limit)
    refuse(413, "the request's body is too long");
  else if (error == http::error::header_limit)
    refuse(431, "the request's header is too long");
  else if (error && error != http::error::need_more)
    refuse(400, "this is no HTTP/1.1 request: " + error.message());
  else if (parser_->is_done())
    complete();
  return used;
}

/// What a browser and a scraper never send, and proxies and servers have understood differently.
bool RequestParser::is_refused_by_header() {
  const auto& header = parser_->get();
  if (header.count(http::field::transfer_encoding) > 0)
    refuse(501, "bodies are taken by Content-Length alone");
  else if (header.count(http::field::host) > 1)
    refuse(400, "the request has several Host headers");
  else
    return false;
  return true;
}

void RequestParser::complete() {
  const auto& received = parser_->get();
  is_head_ = received.method() == http::verb::head;
  keeps_alive_ = received.keep_alive();
  request_.method = is_head_ ? "GET" : std::string(received.method_string());
  for (const auto& field : received)
    request_.headers.emplace(support::lower_case(std::string_view(field.name_string())), std::string(field.value()));
  request_.body = received.body();
  if (!read_target(std::string_view(received.target()), request_))
    return refuse(400, "the request's target is no path");
  state_ = State::complete;
}

void RequestParser::refuse(int status, std::string why) {
  state_ = State::refused;
  refusal_ = plain_answer(status, std::move(why));
}

Answer plain_answer(int status, std::string text) {
  return {.status = status, .content_type = "text/plain; charset=utf-8", .body = std::move(text) + "\n"};
}

}  // namespace fanfold::serve
