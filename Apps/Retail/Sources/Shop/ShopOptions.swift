import ArgumentParser
import Console
import Foundation
import MartletCore
import MartletREST
import MartletSecurity

/// The running shop that a command calls, and the token it uses.
struct ShopOptions: ParsableArguments {
    @OptionGroup var data: FolderOptions
    @OptionGroup var system: TopologyOptions

    @Option(
        help: ArgumentHelp("The shop's address.", discussion: "(default: the address of the shop on the data folder)")
    )
    var url: String?

    @Option(help: "The token to use; by default the development issuer issues one.")
    var token: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "How long to retry a request while the shop is unavailable. (default: 120)",
            valueName: "seconds"
        ),
        transform: FlagValue.wholeNumber(0...86_400)
    )
    var patience = 120

    /// The role and the subject of the token.
    static let merchant = "merchant"
    static let defaultAddress = "http://127.0.0.1:8080"
    static let tokenLifetime = Duration.seconds(12 * 3600)

    /// The shop's address, without a trailing slash.
    private func address() throws -> String {
        let text = try url ?? ProcessTable.read(data.folder)?.url ?? Self.defaultAddress
        guard let parsed = URL(string: text), ["http", "https"].contains(parsed.scheme ?? ""), parsed.host != nil else {
            throw CommandFailure("--url \(text): an address looks like \(Self.defaultAddress)")
        }
        return text.hasSuffix("/") ? String(text.dropLast()) : text
    }

    /// Runs `body` with a client and shuts it down afterwards.
    func withShop<R>(_ body: (ShopClient) async throws -> R) async throws -> R {
        let address = try address()
        let http = HTTP1Client(limits: .standard)
        do {
            let client = ShopClient(
                exchange: try await exchange(with: address, over: http),
                address: address,
                retryTimeout: .seconds(Int64(patience)),
                runtime: .system
            )
            let result = try await body(client)
            await http.shutdown()
            return result
        } catch {
            await http.shutdown()
            throw error
        }
    }

    private func exchange(
        with address: String,
        over http: HTTP1Client
    ) async throws -> @Sendable (ShopClient.Request) async throws -> ShopClient.Response {
        let token = try await tokenToUse()
        guard let url = URL(string: address), url.scheme != "https",
            let exchange = ShopExchange(http: http, address: url, token: token)
        else { return SecureShopExchange(address: address, token: token).send }
        return exchange.send
    }

    private func tokenToUse() async throws -> String {
        if let token { return token }
        let keys = LocalKeys(folder: data.folder, time: SystemTime())
        let issuer = try await keys.existingIssuer()
        let topology = try system.topology()
        guard let role = topology.role(Self.merchant) else {
            throw CommandFailure("the \(topology.name) has no role \(Self.merchant): give a token with --token")
        }
        return try await issuer.userToken(
            Self.merchant,
            scopes: role.scopes,
            lifetime: Self.tokenLifetime
        )
    }
}
