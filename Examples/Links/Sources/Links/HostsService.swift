import Foundation
import LinksContract
import Martlet

/// Counts the links to each host, from the events of `LinksService`.
public struct HostsService: ServiceBlueprint {
    public static let name = "hosts"
    public static let migrations = [
        Migration("hosts", 1, ["CREATE TABLE hosts (host TEXT PRIMARY KEY, links BIGINT NOT NULL)"])
    ]

    public init(on platform: Platform) {}

    public var subscriptions: [Subscription] {
        [
            .on(LinksTopics.created, group: Self.name) { link, tx in
                try tx.run(
                    """
                    INSERT INTO hosts (host, links) VALUES (\(URL(string: link.url)?.host() ?? ""), 1)
                    ON CONFLICT (host) DO UPDATE SET links = hosts.links + 1
                    """
                )
            }
        ]
    }
}
