import ArgumentParser
import MartletCore
import MartletSecurity

struct TokenCommand: AsyncParsableCommand {
    /// What a customer may do with their own orders.
    static let customerScopes = ["orders:read", "orders:write"]
    /// What a merchant's own systems may do.
    static let merchantScopes = [
        "catalog:write", "inventory:read", "inventory:write", "orders:agreed-price", "orders:read", "orders:write",
        "payments:read",
    ]
    static let operatorScopes = ["operate"]

    static let configuration = CommandConfiguration(
        commandName: "token",
        abstract: "Prints a signed token.",
        discussion: """
            The token comes from the development issuer whose keys lie in the data folder; only a shop on that folder \
            accepts it. Use it in the header `Authorization: Bearer …`. Say whose it is by one of --customer, --merchant, \
            --operator, --service and --subject; --scope adds to what the first three allow.

            Examples:
              martlet token --customer ann
              martlet token --merchant --ttl 15m
              martlet token --subject auditor --scope payments:read inventory:read
              TOKEN=$(martlet token --customer ann)
              curl -H "Authorization: Bearer $TOKEN" localhost:8080/v1/orders

            Scopes:
              orders:read, orders:write           one's own orders
              orders:agreed-price                 everybody's orders, at any price
              catalog:write                       products and prices
              inventory:read, inventory:write     stock and deliveries
              payments:read                       payments and the ledger
              operate                             the listeners for operators
            """
    )

    @OptionGroup var data: FolderOptions

    @Option(help: ArgumentHelp("Whom the token speaks for.", valueName: "id"))
    var subject: String?

    @Option(parsing: .upToNextOption, help: ArgumentHelp("What the token allows, one or more.", valueName: "scope"))
    var scope: [String] = []

    @Option(help: ArgumentHelp("A customer: their own orders and cart.", valueName: "id"))
    var customer: String?

    @Flag(help: "A merchant's system: all orders, agreed prices, catalogue, stock, payments.")
    var merchant = false

    @Flag(name: .customLong("operator"), help: "An operator: looks into services and mends them.")
    var isOperator = false

    @Option(help: ArgumentHelp("A service, for calls between services over gRPC.", valueName: "name"))
    var service: String?

    @Option(
        parsing: .unconditional,
        help: "How long the token lasts, as in 90s, 15m, 1h, 7d. (default: 1h)",
        transform: PauseArgument.flag
    )
    var ttl = PauseArgument(duration: .seconds(3_600))

    func validate() throws {
        let kinds = [customer != nil, merchant, isOperator, service != nil].filter { $0 }.count
        guard kinds <= 1 else {
            throw ValidationError("Choose one of --customer, --merchant, --operator, --service and --subject.")
        }
        guard kinds == 1 || subject != nil else {
            throw ValidationError(
                "Say whose token it is: --customer ID, --merchant, --operator, --service NAME or --subject ID."
            )
        }
        let names = [subject, customer, service].compactMap { $0 }
        guard names.allSatisfy({ !$0.isEmpty && $0.utf8.count <= 200 }) else {
            throw ValidationError("A subject has 1 to 200 bytes.")
        }
        guard service == nil || (subject == nil && scope.isEmpty) else {
            throw ValidationError("A service's token has neither --subject nor --scope.")
        }
        guard customer == nil || subject == nil else { throw ValidationError("--customer names the subject already.") }
    }

    func run() async throws {
        try await reporting {
            let keys = LocalKeys(folder: data.folder, time: SystemTime(), entropy: SystemEntropy())
            let issuer = try await keys.existingIssuer()
            if let service {
                return Terminal().line(try await issuer.serviceToken(service, lifetime: ttl.duration))
            }
            let (name, preset) =
                if let customer {
                    (customer, Self.customerScopes)
                } else if merchant {
                    (subject ?? "merchant", Self.merchantScopes)
                } else if isOperator {
                    (subject ?? "operator", Self.operatorScopes)
                } else {
                    (subject ?? "", [String]())
                }
            let scopes = Set(preset + scope).sorted()
            for name in KnownScopes.unknown(scopes) {
                Terminal().note("Warning: no contract asks for the scope \(name); see `martlet token --help`")
            }
            Terminal().line(try await issuer.userToken(name, scopes: scopes, lifetime: ttl.duration))
        }
    }
}
