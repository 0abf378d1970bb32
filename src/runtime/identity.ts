/**
 * The model `y = Identity(x)` for float32 of any shape (opset 17): the smallest one to try a provider with, and the way to
 * copy a tensor from a device where its data cannot be read directly.
 */
export const identityModel = (): Uint8Array => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));

const base64 = "CAgSCHNhZS1vbm54OjIKEAoBeBIBeSIISWRlbnRpdHkSCGlkZW50aXR5WgkKAXgSBAoCCAFiCQoBeRIECgIIAUIECgAQEQ==";
