// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "links",
    targets: [
        .target(name: "LinksContract"),
        .target(name: "Prices", path: "Contracts/Prices"),
    ]
)
