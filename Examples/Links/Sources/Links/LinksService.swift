import LinksContract
import Martlet

/// Short links: two methods, a table, an event, and a workflow that ends each link.
public struct LinksService: ServiceBlueprint, LinksHandling {
    public static let name = "links"
    public static let migrations = [
        Migration("links", 1, ["CREATE TABLE links (code TEXT PRIMARY KEY, url TEXT NOT NULL)"])
    ]

    let platform: Platform

    public init(on platform: Platform) { self.platform = platform }

    public var handlers: [ServedContract] { [.links(self, on: platform)] }
    public var workflows: [RegisteredWorkflow] { [RegisteredWorkflow(LinkExpiry())] }

    public func shorten(_ request: ShortenRequest, _ call: Call) async throws -> ShortenResponse {
        let code = String("\(platform.runtime.identifier())".suffix(12))
        return try await call.write { tx in
            try tx.run("INSERT INTO links (code, url) VALUES (\(code), \(request.url))")
            try tx.publish(
                .with {
                    $0.code = code
                    $0.url = request.url
                },
                on: LinksTopics.created
            )
            try platform.workflows.start(LinkExpiry.self, id: "expiry/\(code)", input: code, for: call.context, in: tx)
            return .with { $0.code = code }
        }
    }

    public func getLink(_ request: GetLinkRequest, _ call: Call) async throws -> GetLinkResponse {
        try await call.read { tx in
            guard let row = try tx.run("SELECT url FROM links WHERE code = \(request.code)").first else {
                throw Fault(.notFound, "links.unknown_code", "there is no link \(request.code)", field: "code")
            }
            return try .with { $0.url = try row.text(0) }
        }
    }
}
