import ArgumentParser
import AsyncHTTPClient
import Foundation
import MartletCore
import MartletSecurity
import NIOCore

/// Which running shop a command speaks to, and as whom.
struct ShopOptions: ParsableArguments {
    @Option(help: "Where the shop answers.")
    var url = "http://127.0.0.1:8080"

    @Option(help: "The data folder of the running shop; its development issuer signs the token.")
    var data = "martlet-data"

    @Option(help: "A token to use instead of one by the development issuer.")
    var token: String?

    @Option(help: "How many seconds to repeat a request while the shop is away.")
    var patience = 120

    /// What a merchant's system may do.
    static let merchantScopes = [
        "catalog:write", "inventory:read", "inventory:write", "orders:agreed-price", "orders:read", "orders:write",
        "payments:read",
    ]
    static let merchant = "merchant"
    static let tokenLifetime = Duration.seconds(12 * 3600)

    /// Lends a client for as long as `body` runs.
    func withShop<R>(_ body: (ShopClient) async throws -> R) async throws -> R {
        var configuration = HTTPClient.Configuration()
        configuration.httpVersion = .http1Only
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 256
        configuration.timeout.connect = .seconds(5)
        let http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        do {
            let client = ShopClient(
                http: http, address: url, token: try await tokenToUse(), patience: .seconds(Int64(patience)),
                time: SystemTime(), entropy: SystemEntropy())
            let result = try await body(client)
            try await http.shutdown()
            return result
        } catch {
            try await http.shutdown()
            throw error
        }
    }

    private func tokenToUse() async throws -> String {
        if let token { return token }
        let folder = "\(data)/keys"
        guard FileManager.default.fileExists(atPath: folder) else {
            throw CommandFailure("\(data) is no data folder of a shop: start one with 'martlet up', or give --token")
        }
        let issuer = try await LocalIssuer(
            folder: folder, algorithm: .edDSA, time: SystemTime(), entropy: SystemEntropy())
        return try await issuer.userToken(
            Self.merchant, scopes: Self.merchantScopes, lifetime: Self.tokenLifetime)
    }
}
