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
            The development issuer, whose keys are in the data folder, signs the token; only a shop on that folder \
            accepts it. Send it in the header `Authorization: Bearer …`. Name its subject by one of --customer, \
            --merchant, --operator, --service and --subject; --scope adds to the scopes of the first three.

            Examples:
              martlet token --customer ann
              martlet token --merchant --ttl 15m
              martlet token --subject auditor --scope payments:read inventory:read
              TOKEN=$(martlet token --customer ann)
              curl -H "Authorization: Bearer $TOKEN" localhost:8080/v1/orders

            Scopes:
              orders:read, orders:write           the customer's own orders
              orders:agreed-price                 all customers' orders, at any price
              catalog:write                       products and prices
              inventory:read, inventory:write     stock and deliveries
              payments:read                       payments and the ledger
              operate                             the operator listeners
            """
    )

    @OptionGroup var data: FolderOptions

    @Option(help: ArgumentHelp("The subject of the token.", valueName: "id"))
    var subject: String?

    @Option(parsing: .upToNextOption, help: ArgumentHelp("The scopes of the token, one or more.", valueName: "scope"))
    var scope: [String] = []

    @Option(help: ArgumentHelp("A customer: their own orders and cart.", valueName: "id"))
    var customer: String?

    @Flag(help: "A merchant's system: all orders, agreed prices, catalogue, stock, payments.")
    var merchant = false

    @Flag(name: .customLong("operator"), help: "An operator: inspects and repairs services.")
    var isOperator = false

    @Option(help: ArgumentHelp("A service, for calls between services over gRPC.", valueName: "name"))
    var service: String?

    @Option(
        parsing: .unconditional,
        help: "How long the token lasts, as in 90s, 15m, 1h, 7d. (default: 1h)",
        transform: DurationArgument.flag
    )
    var ttl = DurationArgument(duration: .seconds(3_600))

    func validate() throws {
        let kinds = [customer != nil, merchant, isOperator, service != nil].filter { $0 }.count
        guard kinds <= 1 else {
            throw ValidationError("Choose one of --customer, --merchant, --operator, --service and --subject.")
        }
        guard kinds == 1 || subject != nil else {
            throw ValidationError(
                "Name the subject: --customer ID, --merchant, --operator, --service NAME or --subject ID."
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
                Terminal().note("Warning: no contract requires the scope \(name); see `martlet token --help`")
            }
            Terminal().line(try await issuer.userToken(name, scopes: scopes, lifetime: ttl.duration))
        }
    }
}
