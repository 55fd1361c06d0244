import ArgumentParser
import AsyncHTTPClient
import Foundation
import MartletCore
import MartletSecurity
import NIOCore

/// Which running shop a command speaks to, and as whom.
struct ShopOptions: ParsableArguments {
    @OptionGroup var data: FolderOptions

    @Option(
        help: ArgumentHelp("Where the shop answers.", discussion: "(default: where the shop of the data folder does)")
    )
    var url: String?

    @Option(help: "A token to use; otherwise the development issuer makes one.")
    var token: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("How long to repeat a request while the shop is away. (default: 120)", valueName: "seconds"),
        transform: FlagValue.wholeNumber(0...86_400)
    )
    var patience = 120

    static let merchant = "merchant"
    static let entrance = "http://127.0.0.1:8080"
    static let tokenLifetime = Duration.seconds(12 * 3600)

    /// Where the shop answers, without a slash at its end.
    private func address() throws -> String {
        let text = url ?? ProcessTable.read(data.folder)?.url ?? Self.entrance
        guard let parsed = URL(string: text), ["http", "https"].contains(parsed.scheme ?? ""), parsed.host != nil else {
            throw CommandFailure("--url \(text): an address looks like \(Self.entrance)")
        }
        return text.hasSuffix("/") ? String(text.dropLast()) : text
    }

    /// Lends a client for as long as `body` runs.
    func withShop<R>(_ body: (ShopClient) async throws -> R) async throws -> R {
        let address = try address()
        var configuration = HTTPClient.Configuration()
        configuration.httpVersion = .http1Only
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 256
        configuration.timeout.connect = .seconds(5)
        let http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        do {
            let exchange = ShopExchange(http: http, address: address, token: try await tokenToUse())
            let client = ShopClient(
                exchange: exchange.carry,
                address: address,
                patience: .seconds(Int64(patience)),
                time: SystemTime(),
                entropy: SystemEntropy()
            )
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
        let keys = LocalKeys(folder: data.folder, time: SystemTime(), entropy: SystemEntropy())
        let issuer = try await keys.existingIssuer()
        return try await issuer.userToken(
            Self.merchant,
            scopes: TokenCommand.merchantScopes,
            lifetime: Self.tokenLifetime
        )
    }
}
