import HTTPTypes
import MartletHTTP
import Testing

@Suite("A request")
struct ServerRequestTests {
    @Test(
        "its path and query are the parts of its target, as they were sent",
        arguments: [
            ("/v1/a%20b", "/v1/a%20b", nil), ("/v1?a=1&b=2", "/v1", "a=1&b=2"), ("/v1?", "/v1", ""),
            ("/v1?a?b", "/v1", "a?b"), ("/v1?a#b", "/v1", "a"), ("/a:b://c", "/a:b://c", nil), ("", "/", nil),
            ("*", "*", nil), ("http://host", "/", nil), ("http://host:80/v1?a", "/v1", "a"),
            ("https://host?a", "/", "a"),
        ] as [(String, String, String?)]
    )
    func target(_ target: String, path: String, query: String?) {
        let head = HTTPRequest(method: .get, scheme: nil, authority: nil, path: target)
        let request = ServerRequest(head: head, body: RequestBody([]))
        #expect(request.path == path)
        #expect(request.query == query)
    }
}
