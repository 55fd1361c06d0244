import MartletCore
import MartletHTTP
import Testing

@Suite("Raw request")
struct RawRequestTests {
    private func request(_ path: String = "/", headers: HTTPFields = [:], body: String = "") -> RawRequest {
        RawRequest(
            ServerRequest(
                head: HTTPRequest(method: .post, scheme: nil, authority: nil, path: path, headerFields: headers),
                body: RequestBody([])
            ),
            body: Array(body.utf8),
            variables: [("sender", "a b")],
            principal: .anonymous,
            id: "r",
            deadline: Moment(nanoseconds: 0)
        )
    }

    @Test("a form has its names and values in order, decoded")
    func form() throws {
        let type: HTTPFields = [.contentType: "application/x-www-form-urlencoded; charset=UTF-8"]
        let form = try request(headers: type, body: "a=1&b=x+y%26&a=%E2%82%AC&c&=d").form()
        #expect(form["a"] == "1")
        #expect(form.values("a") == ["1", "€"])
        #expect(form["b"] == "x y&")
        #expect(form["c"] == "")
        #expect(form["d"] == nil)
        #expect(form.fields.map(\.name) == ["a", "b", "a", "c", ""])
    }

    @Test(
        "a body that is no form is refused",
        arguments: [("text/plain", "a=1"), ("application/x-www-form-urlencoded", "a=%4"), ("", "a=1")]
    )
    func noForm(type: String, body: String) {
        let fault = #expect(throws: Fault.self) { try request(headers: [.contentType: type], body: body).form() }
        #expect(fault?.code == .invalidArgument)
    }

    @Test("a percent-encoding of other bytes than UTF-8 is refused")
    func encoding() throws {
        #expect(throws: Fault.self) { try FormFields("a=%ff") }
        #expect(try request("/x?a=%C3%A9&b").parameters()["a"] == "é")
        #expect(try request("/x").parameters().fields.isEmpty)
    }

    @Test("cookies are found by their exact names, in all fields")
    func cookies() {
        var headers: HTTPFields = [.cookie: "a=1; ab=2;c=x=y"]
        headers.append(HTTPField(name: .cookie, value: "d=4; a=5"))
        let request = request(headers: headers)
        #expect(request.cookie("a") == "1")
        #expect(request.cookie("ab") == "2")
        #expect(request.cookie("c") == "x=y")
        #expect(request.cookie("d") == "4")
        #expect(request.cookie("A") == nil)
    }

    @Test("variables of the path have names")
    func variables() {
        #expect(request().variable("sender") == "a b")
        #expect(request().variable("other") == nil)
    }

    @Test("a cookie is set beside others, with what keeps it from other sites and scripts")
    func setCookie() throws {
        var response = ServerResponse.redirect(to: "/welcome")
        response.add(try #require(SetCookie("session", "s-1")))
        var short = try #require(SetCookie("theme", "dark"))
        short.maxAge = .seconds(60)
        short.isHTTPOnly = false
        short.sameSite = .strict
        response.add(short)
        #expect(response.status == .seeOther)
        #expect(response.headers[.location] == "/welcome")
        #expect(
            response.headers[values: .setCookie] == [
                "session=s-1; Path=/; Secure; HttpOnly; SameSite=Lax",
                "theme=dark; Path=/; Max-Age=60; Secure; SameSite=Strict",
            ]
        )
    }

    @Test(
        "a cookie has no other characters than it may have",
        arguments: [("a b", "1"), ("a", "1;2"), ("a", "1\r\nX: y"), ("a", "1,2"), ("a", "é"), ("", "1")]
    )
    func badCookie(name: String, value: String) { #expect(SetCookie(name, value) == nil) }
}
